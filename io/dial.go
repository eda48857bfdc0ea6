// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// Dial connects to an address, as net.Dial takes them: network is "tcp", "tcp4" or "tcp6", address a host and a port
// ("example.com:http", "[::1]:80"). A host with several addresses is tried in the order of the system's resolver until one
// answers. Errors are *net.OpError. Cancelling closes the attempt. Lwt_io.open_connection.
func Dial(ctx context.Context, network, address string) *promise.Promise[*Conn] {
	l, err := loopOf(ctx)
	if err != nil {
		return promise.Rejected[*Conn](err)
	}
	host, service, err := splitAddress(network, address)
	if err != nil {
		return promise.Rejected[*Conn](opError("dial", network, nil, nil, err))
	}
	if addr, err := netip.ParseAddrPort(address); err == nil && fits(network, addr.Addr()) {
		return connect(ctx, l, network, addr)
	}
	return promise.Spawn(ctx, func(ctx context.Context) (*Conn, error) {
		return dialName(ctx, l, network, host, service)
	})
}

// dialName resolves a name and tries its addresses one after the other.
func dialName(ctx context.Context, l *Loop, network, host, service string) (*Conn, error) {
	if host == "" {
		host = "localhost"
	}
	addrs, err := LookupAddrPort(ctx, host, service).Await(ctx)
	if err != nil {
		return nil, opError("dial", network, nil, nil, err)
	}
	first := error(&net.AddrError{Err: "no suitable address", Addr: host})
	tried := false
	for _, addr := range addrs {
		if !fits(network, addr.Addr()) {
			continue
		}
		conn, err := connect(ctx, l, network, addr).Await(ctx)
		switch {
		case err == nil:
			return conn, nil
		case ctx.Err() != nil:
			return nil, err
		case !tried:
			first, tried = err, true
		}
	}
	return nil, opError("dial", network, nil, nil, first)
}

// splitAddress checks a network's name and takes an address apart.
func splitAddress(network, address string) (host, service string, err error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return "", "", net.UnknownNetworkError(network)
	}
	return net.SplitHostPort(address)
}

// fits reports whether an address is of the network's family.
func fits(network string, a netip.Addr) bool {
	switch network {
	case "tcp4":
		return a.Is4() || a.Is4In6()
	case "tcp6":
		return a.Is6() && !a.Is4In6()
	}
	return true
}

func connect(ctx context.Context, l *Loop, network string, addr netip.AddrPort) *promise.Promise[*Conn] {
	op := &connectOp{l: l, network: network, addr: addr, made: l.q.Here()}
	if op.Init(l.q, op) && op.Follow(ctx) {
		l.schedule(op)
	}
	return op.Promise()
}

// connectOp is one attempt to connect.
type connectOp struct {
	promise.Leaf[*Conn]
	l       *Loop
	network string
	addr    netip.AddrPort
	made    *promise.Site
	s       *connState // while libuv is at it
}

func (op *connectOp) perform() {
	if !op.Pending() {
		return
	}
	s, err := newConn(op.l, op.made, func(t *uv.TCP) error { return t.Init(op.l.uv) })
	if err != nil {
		op.fail("socket", err)
		return
	}
	op.s, s.conn.remote = s, op.addr
	if err := s.tcp.Connect(op.addr, op); err != nil {
		op.fail("connect", err)
	}
}

func (op *connectOp) refused(err error) { op.Fail(err) }

// Complete implements uv.Completer.
func (op *connectOp) Complete(ev uv.Event) {
	if ev.Status < 0 {
		op.fail("connect", ev.Status)
		return
	}
	s := op.s
	op.s = nil
	s.established(nil)
	keepAlive(&s.tcp)
	if !op.Settle(&s.conn, nil) {
		s.shutdown(errClosed)
	}
}

func (op *connectOp) fail(call string, err error) {
	s := op.s
	op.s = nil
	if s != nil {
		closing := s.shutd
		s.shutdown(errClosed)
		if closing && errors.Is(err, uv.ECANCELED) {
			err = promise.ErrLoopClosed // the loop's end, or a cancellation that has settled the promise already
		}
	}
	op.Fail(opError("dial", op.network, nil, tcpAddr(op.addr), sysError(call, err)))
}

// CancelOp implements promise.Canceler: closing the handle is the one way to stop connecting.
func (op *connectOp) CancelOp(error) {
	if op.s != nil {
		op.s.shutdown(errClosed)
	}
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
