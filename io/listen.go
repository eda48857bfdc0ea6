// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"errors"
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

// Listen listens on an address, as net.Listen takes them: network is "tcp", "tcp4" or "tcp6"; an
// empty host means every address, port 0 a free one (see Addr). With "tcp", every address is those
// of IPv4 and IPv6 together, or of IPv4 on a machine without IPv6; of a host with several addresses
// it is the first IPv4 one. It is listening when the promise is fulfilled. Errors are *net.OpError.
// Cancelling gives the listener up.
func Listen(ctx context.Context, network, address string) *promise.Promise[*Listener] {
	l, err := loopOf(ctx)
	if err != nil {
		return promise.Rejected[*Listener](err)
	}
	on, err := endpointOf(network, address)
	if err != nil {
		return promise.Rejected[*Listener](on.fail("listen", err))
	}
	op := &listenOp{l: l, made: l.q.Here(), on: on, lookup: on.lookup(ctx)}
	if op.Init(l.q, op) {
		op.Follow(ctx)
	}
	whenFound(op.lookup, op.found)
	return op.Promise()
}

// listenOp is a Listen: it has the name looked up, and then listens.
type listenOp struct {
	promise.Leaf[*Listener]
	l      *Loop
	made   *promise.Site
	on     endpoint
	lookup *promise.Promise[[]netip.AddrPort]
	addrs  []netip.AddrPort // those to try, once the lookup is over
}

// found is called with the addresses. It may run on the goroutine that called Listen.
func (op *listenOp) found(addrs []netip.AddrPort, err error) {
	if err == nil {
		op.addrs, err = op.on.toListen(addrs)
	}
	if err != nil {
		op.Fail(op.on.fail("listen", err))
		return
	}
	op.l.schedule(op)
}

func (op *listenOp) perform() {
	if !op.Pending() {
		return
	}
	for i, addr := range op.addrs {
		ln := &Listener{l: op.l, network: op.on.network, addr: addr}
		call, err := ln.open(op.made)
		if err == nil {
			if !op.Settle(ln, nil) {
				ln.shutdown()
			}
			return
		}
		if i == len(op.addrs)-1 || !lacksFamily(err) {
			op.Fail(opError("listen", op.on.network, nil, tcpAddr(addr), sysError(call, err)))
			return
		}
	}
}

// lacksFamily reports whether err says that the machine does not have IPv6: it was built or started
// without it.
func lacksFamily(err error) bool {
	return errors.Is(err, uv.EAFNOSUPPORT) || errors.Is(err, uv.EPROTONOSUPPORT) || errors.Is(err, uv.EADDRNOTAVAIL)
}

func (op *listenOp) refused(err error) { op.Fail(err) }

// CancelOp implements promise.Canceler: perform looks for itself.
func (op *listenOp) CancelOp(error) { op.lookup.Cancel() }

// Explain implements promise.Explainer.
func (op *listenOp) Explain(cause error) error { return op.on.explain("listen", cause) }

// open makes the handle listen; after an error it is closed.
func (ln *Listener) open(made *promise.Site) (call string, err error) {
	if err := ln.tcp.InitEx(ln.l.uv, familyOf(ln.addr)); err != nil {
		return "socket", err
	}
	ln.l.opened(ln, made)
	if call, err = ln.bind(); err != nil {
		ln.shutdown()
	}
	return call, err
}

func (ln *Listener) bind() (call string, err error) {
	if err := checkZone(ln.addr.Addr()); err != nil {
		return "bind", err
	}
	var flags uv.TCPFlags
	if ln.network == "tcp6" {
		flags = uv.TCPIPv6Only
	}
	if err := ln.tcp.Bind(ln.addr, flags); err != nil {
		return "bind", err
	}
	// libuv keeps what bind says of an address that is taken for the next call.
	addr, err := ln.tcp.Sockname()
	if err != nil {
		return "bind", err
	}
	ln.addr = addr
	keepAlive(&ln.tcp) // its connections have what it has
	return "listen", ln.tcp.Listen(backlog, (*announcer)(ln))
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
