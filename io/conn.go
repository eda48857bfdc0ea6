// SPDX-License-Identifier: MIT

package io

import (
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// Conn is a stream connection: an Input and an Output that end separately. Dial, Listener.Accept and Serve make one. Safe
// from any goroutine. As in package net, TCP connections have the option nodelay on, and the system probes a peer that has been idle
// for 15 seconds, every 15 seconds, and gives it up after 9 probes without an answer.
type Conn struct {
	*Input
	*Output

	l      *Loop
	local  *netip.AddrPort // shared with the listener where that knows it
	remote netip.AddrPort

	mu      sync.Mutex
	closed  *closeOp      // Close was called
	aborted *closeOp      // Abort was called
	ended   *closeWriteOp // CloseWrite was called
}

// connState is a Conn with all its parts, in one object.
type connState struct {
	conn  Conn
	in    Input
	out   Output
	tcp   uv.TCP
	place ringLink[resource]

	// Loop goroutine only.
	shutd    bool                           // the handle is closing
	gone     bool                           // it has closed
	broken   bool                           // the peer is to blame for its end, and its server has counted that
	done     *closeOp                       // waits for gone
	server   *Server                        // that has accepted it; nil: none
	deadline *promise.Promise[promise.Unit] // fires at the write deadline; nil: there is none ahead
}

// newConn returns a connection whose handle open makes; made is where the user has asked for it. Loop goroutine only.
func newConn(l *Loop, made *promise.Site, open func(*uv.TCP) error) (*connState, error) {
	s := &connState{}
	if err := open(&s.tcp); err != nil {
		return nil, err
	}
	s.in = Input{l: l, src: s}
	s.out = Output{l: l, dst: s}
	s.conn = Conn{Input: &s.in, Output: &s.out, l: l}
	l.opened(s, made)
	return s, nil
}

// state returns the connection with all its parts.
func (c *Conn) state() *connState { return c.src.(*connState) }

// established fills in what a connected socket knows. local is its address, if that is known.
func (s *connState) established(local *netip.AddrPort) {
	_ = s.tcp.NoDelay(true) // a socket that the peer has reset already reports that at the first read
	if local == nil {
		addr, _ := s.tcp.Sockname()
		local = &addr
	}
	s.conn.local = local
	s.conn.remote, _ = s.tcp.Peername()
}

// LocalAddr returns this end's address.
func (c *Conn) LocalAddr() net.Addr {
	if c.local == nil { // it was never connected
		return nil
	}
	return tcpAddr(*c.local)
}

// RemoteAddr returns the other end's address: one without IP and port when the peer had reset the connection before it was
// accepted, for then the system does not know it any more.
func (c *Conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.remote) }

// Keep-alive, as package net has it.
const (
	keepAliveIdle     = 15 * time.Second
	keepAliveInterval = 15 * time.Second
	keepAliveProbes   = 9
)

// keepAlive turns the system's probes on, as far as the system can: a connection does without them, too.
func keepAlive(t *uv.TCP) {
	if t.KeepAliveEx(true, keepAliveIdle, keepAliveInterval, keepAliveProbes) != nil {
		_ = t.KeepAlive(true, keepAliveIdle)
	}
}

// defaultCloseTimeout is how long a peer may take nothing of what a Close flushes.
const defaultCloseTimeout = 10 * time.Second

// Close flushes what was written, closes the connection, and rejects what still reads from it with net.ErrClosed. Its
// promise is rejected when the flush fails; the connection is closed all the same. A second Close returns the
// same. It is not cancelable. Lwt_io.close.
//
// A peer that reads slowly gets everything. When a peer has taken nothing for ten seconds (CloseTimeout has a server's connections
// wait for longer, or less), the connection is reset, what waits is dropped, and the error is os.ErrDeadlineExceeded to
// errors.Is. Abort does not wait at all. After Abort, Close returns what that has.
func (c *Conn) Close() *promise.Promise[promise.Unit] {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed != nil:
		return c.closed.Promise()
	case c.aborted != nil:
		return c.aborted.Promise()
	}
	s := c.state()
	op := &closeOp{s: s}
	c.closed = op
	if op.Init(c.l.q, nil) {
		s.in.discard(s.readError(errClosed))
		flush := s.out.flush(true)
		flush.OnSettle(op.flushed)
		if flush.State() == promise.StatePending {
			c.l.here(op.watch)
		}
	}
	return op.Promise()
}

// Abort closes the connection at once and resets it, so that the peer cannot take what it has for the whole. What waits to leave is
// dropped. All that is pending on the connection settles, Close included: with net.ErrClosed. Its promise is fulfilled when the
// connection is closed. Safe from any goroutine; it is not cancelable. Lwt_io.abort.
func (c *Conn) Abort() *promise.Promise[promise.Unit] {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.aborted == nil {
		s := c.state()
		c.aborted = &closeOp{s: s, abort: true}
		s.out.mu.Lock()
		s.out.close()
		s.out.mu.Unlock()
		if c.aborted.Init(c.l.q, nil) {
			c.l.schedule(c.aborted)
		}
	}
	return c.aborted.Promise()
}

// closeOp is a Close under way: first the output leaves, then the handle closes; or an Abort.
type closeOp struct {
	promise.Leaf[promise.Unit]
	s     *connState
	err   error
	abort bool

	// Loop goroutine only.
	stall *stall // nil: it does not flush, or not any more
	left  bool   // the output has left, or never will
	next  *closeOp
}

// watch bounds the flush.
func (op *closeOp) watch() {
	if op.left || op.s.shutd {
		return
	}
	op.stall = &stall{s: op.s, limit: op.s.closeTimeout(), over: op.s.reset}
	op.stall.start()
}

// closeTimeout returns how long the peer may take nothing of a closing flush.
func (s *connState) closeTimeout() time.Duration {
	if s.server != nil && s.server.closeTimeout > 0 {
		return s.server.closeTimeout
	}
	return defaultCloseTimeout
}

func (op *closeOp) flushed(_ promise.Unit, err error) {
	op.err, op.left = err, true
	if op.stall != nil {
		op.stall.stop()
	}
	op.s.conn.l.schedule(op)
}

func (op *closeOp) perform() {
	if op.s.gone {
		op.Settle(promise.Unit{}, op.err)
		return
	}
	op.next, op.s.done = op.s.done, op
	if op.abort {
		op.s.reset(errClosed)
	} else {
		op.s.shutdown(errClosed)
	}
}

func (op *closeOp) refused(err error) { op.Fail(err) }

// CloseWrite flushes what was written and then tells the peer that no more comes; reading goes on. Its promise is fulfilled
// once the end of the stream is on its way.
//
// A second CloseWrite returns the same.
func (c *Conn) CloseWrite() *promise.Promise[promise.Unit] { return c.state().closeWrite() }

func (s *connState) closeWrite() *promise.Promise[promise.Unit] {
	c := &s.conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended == nil {
		c.ended = &closeWriteOp{s: s}
		if c.ended.Init(c.l.q, nil) {
			s.out.flush(true).OnSettle(c.ended.flushed)
		}
	}
	return c.ended.Promise()
}

type closeWriteOp struct {
	promise.Leaf[promise.Unit]
	s *connState
}

func (op *closeWriteOp) flushed(_ promise.Unit, err error) {
	if err != nil {
		op.Fail(err)
		return
	}
	op.s.conn.l.schedule(op)
}

func (op *closeWriteOp) perform() {
	if op.s.shutd {
		op.Fail(op.s.writeError(errClosed))
		return
	}
	if err := op.s.tcp.Shutdown(op); err != nil {
		op.Fail(op.s.error("close", "shutdown", err))
	}
}

func (op *closeWriteOp) refused(err error) { op.Fail(err) }

// Complete implements uv.Completer.
func (op *closeWriteOp) Complete(ev uv.Event) {
	switch {
	case ev.Status < 0 && op.s.shutd: // it was withdrawn
		op.Fail(op.s.writeError(errClosed))
	case ev.Status < 0:
		op.Fail(op.s.error("close", "shutdown", ev.Status))
	default:
		op.Settle(promise.Unit{}, nil)
	}
}

// CloseRead stops reading: what is there is dropped, what comes is left with the system, and reads are rejected with
// net.ErrClosed. Writing goes on.
func (c *Conn) CloseRead() *promise.Promise[promise.Unit] { return c.state().closeRead() }

func (s *connState) closeRead() *promise.Promise[promise.Unit] {
	s.in.discard(s.readError(errClosed))
	op := &closeReadOp{s: s}
	if op.Init(s.conn.l.q, nil) {
		s.conn.l.schedule(op)
	}
	return op.Promise()
}

type closeReadOp struct {
	promise.Leaf[promise.Unit]
	s *connState
}

func (op *closeReadOp) perform() {
	op.s.stopReading()
	op.Settle(promise.Unit{}, nil)
}

func (op *closeReadOp) refused(err error) { op.Fail(err) }

// shutdown closes the handle. Everything that libuv still has for it comes back before Complete. Loop goroutine only.
func (s *connState) shutdown(err error) {
	if s.settle(err) {
		_ = s.tcp.Close((*connCloser)(s)) // the handle is open: settle says so
	}
}

// reset is shutdown that resets the connection. Loop goroutine only.
func (s *connState) reset(err error) {
	if !s.settle(err) || s.tcp.CloseReset((*connCloser)(s)) == nil {
		return
	}
	_ = s.tcp.SetLinger(0) // libuv refuses after a shutdown; one that waits behind writes must not end them in order
	_ = s.tcp.Close((*connCloser)(s))
}

// cutOff is reset when output waits, which the peer must not take for the whole, and shutdown otherwise. Loop goroutine only.
func (s *connState) cutOff(err error) {
	if s.out.unsent() > 0 {
		s.reset(err)
	} else {
		s.shutdown(err)
	}
}

// settle settles what is pending, before the handle is closed; false when that is closing.
func (s *connState) settle(err error) bool {
	if s.shutd {
		return false
	}
	s.shutd = true
	s.setWriteDeadline(time.Time{})
	s.conn.l.closed(s)
	s.in.end(s.readError(err))
	s.out.fail(s.writeError(err))
	return true
}

// connCloser is a connection as the completer of its handle's close.
type connCloser connState

// Complete settles what waits for the close.
func (c *connCloser) Complete(uv.Event) {
	c.gone = true
	for op := c.done; op != nil; op = op.next {
		op.Settle(promise.Unit{}, op.err)
	}
	c.done = nil
}

func (s *connState) describe() (kind, name string) {
	if s.conn.local == nil {
		return "connection", fmt.Sprintf("to %v, which has not answered yet", s.conn.remote)
	}
	return "connection", fmt.Sprintf("%v to %v", *s.conn.local, s.conn.remote)
}

func (s *connState) link() *ringLink[resource] { return &s.place }
func (s *connState) hurry()                    { s.out.hurry() }
func (s *connState) flushing() bool            { return s.out.unsent() > 0 }
func (s *connState) shut()                     { s.cutOff(promise.ErrLoopClosed) }

func (s *connState) loses() string {
	if n := s.out.unsent(); n > 0 {
		return fmt.Sprintf("output to %v (%d bytes)", s.conn.RemoteAddr(), n)
	}
	return ""
}

func (s *connState) readStart(c uv.Completer) error {
	if s.shutd {
		return errClosed
	}
	return s.tcp.ReadStart(c)
}

func (s *connState) readStop() { s.stopReading() }

func (s *connState) stopReading() {
	if !s.shutd {
		_ = s.tcp.ReadStop() // it cannot fail on an open handle
	}
}

func (s *connState) send(p []byte, loud bool, c uv.Completer) error {
	if s.shutd {
		return errClosed
	}
	return s.tcp.Send(p, loud, c)
}

func (s *connState) readError(err error) error  { return s.error("read", "read", err) }
func (s *connState) writeError(err error) error { return s.error("write", "write", err) }

func (s *connState) error(op, call string, err error) error {
	err = ofPeer(err)
	s.count(err)
	return opError(op, "tcp", s.conn.LocalAddr(), s.conn.RemoteAddr(), sysError(call, err))
}
