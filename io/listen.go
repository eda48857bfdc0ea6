// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// Listener accepts connections. Safe from any goroutine.
type Listener struct {
	l       *Loop
	network string
	addr    netip.AddrPort
	tcp     uv.TCP
	place   ringLink[resource]

	mu      sync.Mutex
	waiting []*acceptOp
	closed  *closeListenerOp

	// Loop goroutine only.
	pending int        // connections that libuv has announced and nobody has taken
	kept    *connState // accepted for an Accept that was cancelled meanwhile
	failed  bool       // libuv could not accept, and has to be told to go on
	shutd   bool       // the handle is closing
	done    []*closeListenerOp
}

// backlog is how many connections the system keeps for a listener; it may keep fewer.
const backlog = 4096

// Listen listens on an address, as net.Listen takes them: network is "tcp", "tcp4" or "tcp6"; an empty host means
// every address, port 0 a free one (see Addr). It is listening when the promise is fulfilled. Errors are *net.OpError.
func Listen(ctx context.Context, network, address string) *promise.Promise[*Listener] {
	l, err := loopOf(ctx)
	if err != nil {
		return promise.Rejected[*Listener](err)
	}
	host, service, err := splitAddress(network, address)
	if err != nil {
		return promise.Rejected[*Listener](opError("listen", network, nil, nil, err))
	}
	if host == "" {
		host = "::"
		if network == "tcp4" {
			host = "0.0.0.0"
		}
	}
	made := l.q.Here()
	return promise.Bind(LookupAddrPort(ctx, host, service), func(addrs []netip.AddrPort) *promise.Promise[*Listener] {
		for _, a := range addrs {
			if fits(network, a.Addr()) {
				return listen(ctx, l, network, a, made)
			}
		}
		err := &net.AddrError{Err: "no suitable address", Addr: address}
		return promise.Rejected[*Listener](opError("listen", network, nil, nil, err))
	})
}

func listen(ctx context.Context, l *Loop, network string, addr netip.AddrPort, made *promise.Site) *promise.Promise[*Listener] {
	op := &listenOp{ln: &Listener{l: l, network: network, addr: addr}, made: made}
	if op.Init(l.q, op) && op.Follow(ctx) {
		l.schedule(op)
	}
	return op.Promise()
}

type listenOp struct {
	promise.Leaf[*Listener]
	ln   *Listener
	made *promise.Site
}

func (op *listenOp) perform() {
	if !op.Pending() {
		return
	}
	ln := op.ln
	if call, err := ln.open(op.made); err != nil {
		op.Fail(opError("listen", ln.network, nil, tcpAddr(ln.addr), sysError(call, err)))
		return
	}
	if !op.Settle(ln, nil) {
		ln.shutdown()
	}
}

func (op *listenOp) refused(err error) { op.Fail(err) }

// CancelOp implements promise.Canceler: perform looks for itself.
func (op *listenOp) CancelOp(error) {}

// open makes the handle listen; after an error it is closed.
func (ln *Listener) open(made *promise.Site) (call string, err error) {
	if err := ln.tcp.Init(ln.l.uv); err != nil {
		return "socket", err
	}
	ln.l.opened(ln, made)
	if err := ln.tcp.Bind(ln.addr, 0); err != nil {
		ln.shutdown()
		return "bind", err
	}
	keepAlive(&ln.tcp) // its connections have what it has
	if err := ln.tcp.Listen(backlog, (*announcer)(ln)); err != nil {
		ln.shutdown()
		return "listen", err
	}
	ln.addr, err = ln.tcp.Sockname()
	return "getsockname", err
}

// localAddr returns what its connections have as their own address, nil when each has another.
func (ln *Listener) localAddr() *netip.AddrPort {
	if ln.addr.Addr().IsUnspecified() {
		return nil
	}
	return &ln.addr
}

// Addr returns the address that the listener listens on.
func (ln *Listener) Addr() net.Addr { return tcpAddr(ln.addr) }

// Port returns the port that the listener listens on.
func (ln *Listener) Port() int { return int(ln.addr.Port()) }

// String returns the address as text.
func (ln *Listener) String() string {
	return net.JoinHostPort(ln.addr.Addr().String(), strconv.Itoa(ln.Port()))
}

// Accept returns the next connection. After Close it is rejected with net.ErrClosed. A cancelled Accept takes none. At
// most 4,096 of them wait; one more is rejected with ErrTooManyPending.
// Lwt_unix.accept.
func (ln *Listener) Accept() *promise.Promise[*Conn] {
	op := &acceptOp{ln: ln, made: ln.l.q.Here()}
	if !op.Init(ln.l.q, op) {
		return op.Promise()
	}
	ln.mu.Lock()
	var err error
	switch {
	case ln.closed != nil:
		err = net.ErrClosed
	case len(ln.waiting) >= maxPending:
		err = ErrTooManyPending
	default:
		ln.waiting = append(ln.waiting, op)
	}
	ln.mu.Unlock()
	if err != nil {
		op.Fail(ln.error("accept", err))
		return op.Promise()
	}
	ln.l.schedule(op)
	return op.Promise()
}

type acceptOp struct {
	promise.Leaf[*Conn]
	ln   *Listener
	made *promise.Site
}

func (op *acceptOp) perform() {
	ln := op.ln
	ln.serve()
	if ln.failed && op.Pending() {
		ln.failed = false
		_ = ln.tcp.AcceptAgain() // a closed listener has settled op
	}
}

func (op *acceptOp) refused(err error) { op.Fail(err) }

// CancelOp implements promise.Canceler.
func (op *acceptOp) CancelOp(error) {
	ln := op.ln
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if i := slices.Index(ln.waiting, op); i >= 0 {
		ln.waiting = slices.Delete(ln.waiting, i, i+1)
	}
}

// announcer is a Listener as the completer of its connections.
type announcer Listener

// Complete is called for each connection that libuv has ready.
func (a *announcer) Complete(ev uv.Event) {
	ln := (*Listener)(a)
	if ev.Status < 0 {
		ln.failed = true
		if op := ln.next(); op != nil {
			op.Fail(ln.error("accept", ev.Status))
		}
		return
	}
	ln.pending++
	ln.serve()
}

// serve hands announced connections to those who wait for one.
func (ln *Listener) serve() {
	for (ln.pending > 0 || ln.kept != nil) && !ln.shutd {
		op := ln.next()
		if op == nil {
			return
		}
		ln.hand(op)
	}
}

// next takes the first Accept that was not cancelled off the queue.
func (ln *Listener) next() *acceptOp {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	for len(ln.waiting) > 0 {
		op := ln.waiting[0]
		ln.waiting[0] = nil
		if ln.waiting = ln.waiting[1:]; len(ln.waiting) == 0 {
			ln.waiting = nil
		}
		if op.Pending() {
			return op
		}
	}
	return nil
}

// hand gives op a connection. When op is cancelled from elsewhere at this moment, the next one gets it.
func (ln *Listener) hand(op *acceptOp) {
	s, err := ln.take(op.made)
	if err != nil {
		op.Fail(ln.error("accept", err))
		return
	}
	if !op.Settle(&s.conn, nil) {
		ln.kept = s
	}
}

// take returns the connection that was kept, or accepts one; made is where that was asked for.
func (ln *Listener) take(made *promise.Site) (s *connState, err error) {
	if s, ln.kept = ln.kept, nil; s != nil {
		return s, nil
	}
	ln.pending--
	s, err = newConn(ln.l, made, ln.tcp.Accept)
	if err == nil {
		s.established(ln.localAddr())
	}
	return s, err
}

// Close stops listening and rejects what waits in Accept with net.ErrClosed. Connections that were accepted live on. A
// second Close returns the same promise. Lwt_io.shutdown_server.
func (ln *Listener) Close() *promise.Promise[promise.Unit] {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	if ln.closed == nil {
		ln.closed = &closeListenerOp{ln: ln}
		if ln.closed.Init(ln.l.q, nil) {
			ln.l.schedule(ln.closed)
		}
	}
	return ln.closed.Promise()
}

type closeListenerOp struct {
	promise.Leaf[promise.Unit]
	ln *Listener
}

func (op *closeListenerOp) perform() {
	if op.ln.shutd {
		op.Settle(promise.Unit{}, nil)
		return
	}
	op.ln.done = append(op.ln.done, op)
	op.ln.shutdown()
}

func (op *closeListenerOp) refused(err error) { op.Fail(err) }

// shutdown closes the handle. Loop goroutine only.
func (ln *Listener) shutdown() { ln.shutdownAs(ln.error("accept", errClosed)) }

func (ln *Listener) shutdownAs(err error) {
	if ln.shutd {
		return
	}
	ln.shutd = true
	ln.l.closed(ln)
	for op := ln.next(); op != nil; op = ln.next() {
		op.Fail(err)
	}
	if ln.kept != nil {
		ln.kept.shutdown(errClosed)
	}
	_ = ln.tcp.Close((*listenerCloser)(ln)) // the handle is open: shutd says so
}

// listenerCloser is a Listener as the completer of its handle's close.
type listenerCloser Listener

// Complete settles what waits for the close.
func (c *listenerCloser) Complete(uv.Event) {
	for _, op := range c.done {
		op.Settle(promise.Unit{}, nil)
	}
	c.done = nil
}

func (ln *Listener) describe() (kind, name string) { return "listener", ln.String() }

func (ln *Listener) hurry()                    {}
func (ln *Listener) flushing() bool            { return false }
func (ln *Listener) loses() string             { return "" }
func (ln *Listener) link() *ringLink[resource] { return &ln.place }
func (ln *Listener) shut()                     { ln.shutdownAs(promise.ErrLoopClosed) }

func (ln *Listener) error(op string, err error) error {
	return opError(op, ln.network, nil, tcpAddr(ln.addr), sysError(op, err))
}
