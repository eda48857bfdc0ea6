// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// Dial connects to an address, as net.Dial takes them: network is "tcp", "tcp4" or "tcp6", address
// a host and a port ("example.com:http", "[::1]:80", "[fe80::1%eth0]:80"). Without a host it is
// this machine. A host with several addresses is tried in the order of the system's resolver until
// one answers. A port that nobody listens on may be the one that the system picks for this end:
// such a connection to itself is given up and tried again.
//
// Errors are *net.OpError, and say which address it was; that of the first address is returned when
// none answers. Cancelling closes the attempt. Lwt_io.open_connection.
func Dial(ctx context.Context, network, address string) *promise.Promise[*Conn] {
	l, err := loopOf(ctx)
	if err != nil {
		return promise.Rejected[*Conn](err)
	}
	to, err := endpointOf(network, address)
	if err == nil && address == "" {
		err = errMissingAddress
	}
	if err != nil {
		return promise.Rejected[*Conn](to.fail("dial", err))
	}
	op := &dialOp{l: l, made: l.q.Here(), to: to, lookup: to.lookup(ctx)}
	if op.Init(l.q, op) {
		op.Follow(ctx)
	}
	whenFound(op.lookup, op.found)
	return op.Promise()
}

// dialOp is a Dial: it has the name looked up, and then tries its addresses one after the other.
type dialOp struct {
	promise.Leaf[*Conn]
	l      *Loop
	made   *promise.Site
	to     endpoint
	lookup *promise.Promise[[]netip.AddrPort]
	trying atomic.Pointer[netip.AddrPort] // nil during the lookup

	// Loop goroutine only, once the lookup is over.
	addrs []netip.AddrPort // those to try, the one that is tried first
	again int              // how often that one was tried again
	why   error            // why, at first
	first error            // that of the first address
	s     *connState       // while libuv is at it
}

var errMissingAddress = errors.New("missing address: it is a host and a port, as in localhost:80")

// maxAgain is how often package net tries an address again, when the system has picked a port for
// this end that it should not have.
const maxAgain = 2

// found is called with the addresses. It may run on the goroutine that called Dial.
func (op *dialOp) found(addrs []netip.AddrPort, err error) {
	if err == nil {
		op.addrs, err = op.to.suitable(addrs)
	}
	if err != nil {
		op.Fail(op.to.fail("dial", err))
		return
	}
	op.l.schedule(op)
}

func (op *dialOp) perform() {
	if !op.Pending() {
		return
	}
	addr := op.addrs[0]
	op.trying.Store(&addr)
	if err := checkZone(addr.Addr()); err != nil {
		op.failed("connect", err, false)
		return
	}
	s, err := newConn(op.l, op.made, func(t *uv.TCP) error { return t.InitEx(op.l.uv, familyOf(addr)) })
	if err != nil {
		op.failed("socket", err, false)
		return
	}
	op.s, s.conn.remote = s, addr
	if err := s.tcp.Connect(addr, op); err != nil {
		op.failed("connect", err, err == uv.EADDRNOTAVAIL)
	}
}

// checkZone refuses a link-local address that does not say on which link it is: libuv would take
// any.
func checkZone(a netip.Addr) error {
	if a.IsLinkLocalUnicast() && a.Is6() && a.Zone() == "" {
		return fmt.Errorf("%w: a link-local address needs a zone, as in %s%%eth0", uv.EINVAL, a)
	}
	return nil
}

func (op *dialOp) refused(err error) { op.Fail(err) }

// Complete implements uv.Completer.
func (op *dialOp) Complete(ev uv.Event) {
	if ev.Status < 0 {
		op.failed("connect", ev.Status, ev.Status == uv.EADDRNOTAVAIL)
		return
	}
	s := op.s
	s.established(nil)
	if !s.conn.remote.IsValid() {
		s.conn.remote = op.addrs[0] // the peer has reset the connection since
	}
	if *s.conn.local == s.conn.remote { // nobody listens there: it is a connection of the socket with itself
		op.failed("connect", uv.ECONNREFUSED, true)
		return
	}
	op.s = nil
	keepAlive(&s.tcp)
	if !op.Settle(&s.conn, nil) {
		s.shutdown(errClosed)
	}
}

// failed ends an attempt, and begins the next one if there is any; again says that the same address
// may still answer.
func (op *dialOp) failed(call string, err error, again bool) {
	closing := op.hangUp()
	switch addr := op.addrs[0]; {
	case !op.Pending():
		return
	case closing && errors.Is(err, uv.ECANCELED):
		op.Fail(promise.ErrLoopClosed)
		return
	case again && op.again < maxAgain:
		if op.again++; op.why == nil {
			op.why = err
		}
	default:
		if op.why != nil {
			err = op.why
		}
		if op.first == nil {
			op.first = opError("dial", op.to.network, nil, tcpAddr(addr), sysError(call, err))
		}
		op.addrs, op.again, op.why = op.addrs[1:], 0, nil
	}
	if len(op.addrs) == 0 {
		op.Fail(op.first)
		return
	}
	op.l.schedule(op)
}

// hangUp closes the attempt under way. It reports whether something else has closed it already: a
// cancellation, the loop's end.
func (op *dialOp) hangUp() (closing bool) {
	s := op.s
	op.s = nil
	if s == nil {
		return false
	}
	closing = s.shutd
	s.shutdown(errClosed)
	return closing
}

// CancelOp implements promise.Canceler: closing the handle is the one way to stop connecting.
func (op *dialOp) CancelOp(error) {
	op.lookup.Cancel()
	if op.s != nil {
		op.s.shutdown(errClosed)
	}
}

// Explain implements promise.Explainer.
func (op *dialOp) Explain(cause error) error {
	if addr := op.trying.Load(); addr != nil {
		return opError("dial", op.to.network, nil, tcpAddr(*addr), cause)
	}
	return op.to.explain("dial", cause)
}

// WithConn dials, calls f with the connection, as a task, and closes it when f has returned, whichever way. An error of
// the close is joined to f's, unless f has seen it: by closing the connection itself, or as the error of a Write or Flush. When ctx ends, the
// connection is aborted as soon as f has returned, also while it is being flushed. Lwt_io.with_connection.
func WithConn[T any](ctx context.Context, network, address string, f func(ctx context.Context, c *Conn) (T, error)) *promise.Promise[T] {
	if f == nil {
		panic("weftio: WithConn: the function is nil")
	}
	return promise.Spawn(ctx, func(ctx context.Context) (v T, err error) {
		c, err := Dial(ctx, network, address).Await(ctx)
		if err != nil {
			return v, err
		}
		defer func() { err = joinClose(err, c.giveBack(ctx, err)) }()
		return f(ctx, c)
	})
}

// giveBack closes the connection of a function that has returned err, and returns what the function does not know of yet.
func (c *Conn) giveBack(ctx context.Context, err error) error {
	knows := c.state().out.told()
	c.mu.Lock()
	if c.closed != nil {
		knows = knows || c.closed.Observed()
	}
	c.mu.Unlock()
	if ended := context.Cause(ctx); ended != nil && !errors.Is(ended, promise.ErrLoopClosed) { // a loop's end has a grace of its own
		_ = c.Abort().Wait(context.WithoutCancel(ctx))
		return nil
	}
	closed := c.Close()
	cerr := closed.Wait(ctx)
	if ctx.Err() != nil && closed.State() == promise.StatePending {
		_ = c.Abort().Wait(context.WithoutCancel(ctx))
		return cerr
	}
	if knows || cerr != nil && errors.Is(err, cerr) {
		return nil
	}
	return cerr
}
