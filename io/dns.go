// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"net"
	"net/netip"
	"strconv"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// LookupHost returns the addresses of host, by the system's resolver (files, mDNS and whatever else it is set up
// for), in the order it prefers. An address in text form is its own result. Errors are *net.DNSError. Cancelling withdraws
// a lookup that has not begun, and drops the result of one that has. Lwt_unix.gethostbyname.
func LookupHost(ctx context.Context, host string) *promise.Promise[[]netip.Addr] {
	if a, err := netip.ParseAddr(host); err == nil {
		return promise.Resolved([]netip.Addr{a})
	}
	return promise.Map(lookup(ctx, host, ""), func(found []netip.AddrPort) ([]netip.Addr, error) {
		addrs := make([]netip.Addr, len(found))
		for i, a := range found {
			addrs[i] = a.Addr()
		}
		return addrs, nil
	})
}

// LookupAddrPort returns the TCP addresses of a host and a service, which is a name ("http") or a number ("80"), as
// LookupHost does. Lwt_unix.getaddrinfo.
func LookupAddrPort(ctx context.Context, host, service string) *promise.Promise[[]netip.AddrPort] {
	if a, err := netip.ParseAddr(host); err == nil {
		if port, err := strconv.ParseUint(service, 10, 16); err == nil {
			return promise.Resolved([]netip.AddrPort{netip.AddrPortFrom(a, uint16(port))})
		}
	}
	return lookup(ctx, host, service)
}

func lookup(ctx context.Context, host, service string) *promise.Promise[[]netip.AddrPort] {
	l, err := loopOf(ctx)
	if err != nil {
		return promise.Rejected[[]netip.AddrPort](err)
	}
	if host == "" {
		return promise.Rejected[[]netip.AddrPort](&net.DNSError{Err: "no such host", IsNotFound: true})
	}
	op := &lookupOp{l: l, host: host, service: service, made: l.q.Here()}
	if op.Init(l.q, op) && op.Follow(ctx) {
		l.schedule(op)
	}
	return op.Promise()
}

// lookupOp is a getaddrinfo on libuv's thread pool.
type lookupOp struct {
	promise.Leaf[[]netip.AddrPort]
	l             *Loop
	host, service string
	made          *promise.Site
	req           *uv.AddrInfoReq // nil before it has begun and after it has ended
	place         ringLink[resource]
}

func (op *lookupOp) perform() {
	if !op.Pending() {
		return
	}
	req, err := uv.GetAddrInfo(op.l.uv, op.host, op.service, uv.AddrInfoHints{}, op)
	if err != nil {
		op.Fail(dnsError(err, op.host))
		return
	}
	op.req = req
	op.l.opened(op, op.made)
}

func (op *lookupOp) refused(err error) { op.Fail(err) }

// Complete implements uv.Completer.
func (op *lookupOp) Complete(ev uv.Event) {
	req := op.req
	op.req = nil
	op.l.closed(op)
	if ev.Status < 0 {
		op.Fail(dnsError(ev.Status, op.host))
		return
	}
	op.Settle(req.Addrs(), nil)
}

// CancelOp implements promise.Canceler. A lookup that a pool thread works on cannot be stopped; its result is dropped.
func (op *lookupOp) CancelOp(error) {
	if op.req != nil {
		_ = op.req.Cancel()
	}
}

// describe has no word for one that was cancelled: it ends when its pool thread comes back.
func (op *lookupOp) describe() (kind, name string) {
	if !op.Pending() {
		return "", ""
	}
	return "lookup", op.host
}

func (op *lookupOp) link() *ringLink[resource] { return &op.place }

// hurry withdraws a lookup that no pool thread works on.
func (op *lookupOp) hurry() {
	if op.req.Cancel() == nil {
		op.Fail(promise.ErrLoopClosed)
	}
}

// flushing has the loop's end wait for a lookup that a pool thread works on.
func (op *lookupOp) flushing() bool { return true }

func (op *lookupOp) loses() string { return "" } // the request is still there, and counted

func (op *lookupOp) shut() {
	op.Fail(promise.ErrLoopClosed)
	op.CancelOp(nil)
}
