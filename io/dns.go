// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// LookupHost returns the addresses of host, by the system's resolver (files, mDNS and whatever else
// it is set up for), in the order it prefers. An address in text form is its own result; as in
// package net, "127.1" and "0177.0.0.1" are none. Errors are *net.DNSError. Cancelling withdraws a
// lookup that has not begun, and drops the result of one that has. Lwt_unix.gethostbyname.
func LookupHost(ctx context.Context, host string) *promise.Promise[[]netip.Addr] {
	if a, err := netip.ParseAddr(host); err == nil {
		return promise.Resolved([]netip.Addr{a})
	}
	return promise.Map(lookupName(ctx, "", host, ""), func(found []netip.AddrPort) ([]netip.Addr, error) {
		addrs := make([]netip.Addr, len(found))
		for i, a := range found {
			addrs[i] = a.Addr()
		}
		return addrs, nil
	})
}

// LookupAddrPort returns the TCP addresses of a host and a service, which is a name ("http") or a
// number from 0 to 65535 ("80"; "" is 0), as LookupHost does. A number that is no port is a
// *net.AddrError, a service that the system does not know a *net.DNSError. Lwt_unix.getaddrinfo.
func LookupAddrPort(ctx context.Context, host, service string) *promise.Promise[[]netip.AddrPort] {
	return lookupAddrPort(ctx, "tcp", host, service)
}

// lookupAddrPort is LookupAddrPort for a network, which errors have.
func lookupAddrPort(ctx context.Context, network, host, service string) *promise.Promise[[]netip.AddrPort] {
	port, known, err := portOf(network, service)
	if err != nil {
		return promise.Rejected[[]netip.AddrPort](err)
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && known:
		return promise.Resolved([]netip.AddrPort{netip.AddrPortFrom(ip, port)})
	case err == nil:
		return promise.Map(lookup(ctx, network, "", service), func(found []netip.AddrPort) ([]netip.AddrPort, error) {
			return []netip.AddrPort{netip.AddrPortFrom(ip, found[0].Port())}, nil
		})
	case known:
		service = strconv.Itoa(int(port))
	}
	return lookupName(ctx, network, host, service)
}

// lookupName looks up a host that is no address.
func lookupName(ctx context.Context, network, host, service string) *promise.Promise[[]netip.AddrPort] {
	if !isHostName(host) {
		return promise.Rejected[[]netip.AddrPort](noSuchHost(host))
	}
	return lookup(ctx, network, host, service)
}

// lookup asks the system. An empty host stands for this machine.
func lookup(ctx context.Context, network, host, service string) *promise.Promise[[]netip.AddrPort] {
	l, err := loopOf(ctx)
	if err != nil {
		return promise.Rejected[[]netip.AddrPort](err)
	}
	op := &lookupOp{l: l, network: network, host: host, service: strings.ToLower(service), made: l.q.Here()}
	if op.Init(l.q, op) && op.Follow(ctx) {
		l.schedule(op)
	}
	return op.Promise()
}

// lookupOp is a getaddrinfo on libuv's thread pool.
type lookupOp struct {
	promise.Leaf[[]netip.AddrPort]
	l             *Loop
	network       string // for errors
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
		op.Fail(op.error(err))
		return
	}
	op.req = req
	op.l.opened(op, op.made)
}

func (op *lookupOp) refused(err error) { op.Fail(err) }

func (op *lookupOp) error(status error) error {
	if status == uv.EAI_SERVICE || op.host == "" && status == uv.EAI_NONAME { // the one on Linux, the other on macOS
		return unknownPort(op.network, op.service)
	}
	return dnsError(status, op.host)
}

// Explain implements promise.Explainer.
func (op *lookupOp) Explain(cause error) error { return unfinishedLookup(op.host, cause) }

// Complete implements uv.Completer.
func (op *lookupOp) Complete(ev uv.Event) {
	req := op.req
	op.req = nil
	op.l.closed(op)
	if ev.Status < 0 {
		op.Fail(op.error(ev.Status))
		return
	}
	addrs := req.Addrs()
	if len(addrs) == 0 {
		op.Fail(noSuchHost(op.host))
		return
	}
	op.Settle(addrs, nil)
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
