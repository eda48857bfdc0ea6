// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/promise"
)

// Server accepts connections and runs a handler for each. Serve and ServeCallback make one.
type Server struct {
	l      *Loop
	ln     *Listener
	handle func(ctx context.Context, c *Conn) *promise.Promise[promise.Unit]
	ctx    context.Context
	serveOptions

	accepted atomic.Int64
	open     atomic.Int64

	// Loop goroutine only.
	live     ring[*served] // in the order accepted
	silent   ring[*silent] // those of live whose handler waits for the first byte, likewise
	gone     bell          // rings when a connection has closed
	watching bool          // a timer runs for the first of silent
	closing  bool
	acceptor *promise.Promise[promise.Unit]
}

// Serve runs handler, as a task, for each connection that ln accepts, until Shutdown, or the end of ctx, which also
// ends the handlers' ctx. When a handler returns, its connection is flushed and closed. An error or panic of one
// handler concerns only its connection: see OnConnError. When accepting fails, for want of file descriptors say, the server
// tries again, after a pause that grows to a second. Lwt_io.establish_server_with_client_address.
func Serve(ctx context.Context, ln *Listener, handler func(ctx context.Context, c *Conn) error, opts ...ServeOption) *Server {
	if ln == nil || handler == nil {
		panic("weftio: Serve: the listener or the handler is nil")
	}
	return serve(ctx, ln, opts, func(ctx context.Context, c *Conn) *promise.Promise[promise.Unit] {
		return promise.Go(ctx, func(ctx context.Context) error { return handler(ctx, c) })
	})
}

// ServeCallback is Serve for a handler that is a callback: it must not wait, and is through with its connection when the promise
// that it returns settles (at once, if that is nil). A connection costs no task then. An echo server is
//
//	weftio.ServeCallback(ctx, ln, func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
//		return c.Each(c.Write)
//	})
func ServeCallback(ctx context.Context, ln *Listener,
	handler func(ctx context.Context, c *Conn) *promise.Promise[promise.Unit], opts ...ServeOption) *Server {
	if ln == nil || handler == nil {
		panic("weftio: ServeCallback: the listener or the handler is nil")
	}
	return serve(ctx, ln, opts, handler)
}

func serve(ctx context.Context, ln *Listener, opts []ServeOption,
	handle func(ctx context.Context, c *Conn) *promise.Promise[promise.Unit]) *Server {
	s := &Server{l: ln.l, ln: ln, handle: handle, ctx: ln.l.Context(ctx)}
	for _, o := range opts {
		o(&s.serveOptions)
	}
	if s.onError == nil {
		s.onError = func(c *Conn, err error) { s.l.q.Report(connError(c, err)) }
	}
	s.acceptor = promise.Go(s.ctx, s.accept)
	return s
}

// Listener returns what the server listens on.
func (s *Server) Listener() *Listener { return s.ln }

// Served returns how many connections have been accepted. Safe from any goroutine.
func (s *Server) Served() int { return int(s.accepted.Load()) }

// Open returns how many connections are open. Safe from any goroutine.
func (s *Server) Open() int { return int(s.open.Load()) }

// accept is the task that accepts.
func (s *Server) accept(ctx context.Context) error {
	var pause time.Duration
	for s.waitForRoom(ctx) == nil {
		c, err := s.ln.Accept().Await(ctx)
		switch {
		case err == nil:
			pause = 0
			s.start(c)
			continue
		case ctx.Err() != nil:
			continue
		case errors.Is(err, net.ErrClosed), errors.Is(err, promise.ErrLoopClosed):
			return nil
		}
		s.onError(nil, err)
		pause = backOff(pause)
		_ = Sleep(ctx, pause).Wait(ctx) // the end of ctx ends the loop as well
	}
	s.ln.Close()
	if s.ctx.Err() != nil {
		s.cancel(context.Cause(s.ctx))
	}
	return nil
}

// cancel ends all connections in order, now that the server's ctx has ended.
func (s *Server) cancel(cause error) {
	s.closing = true
	s.dropSilent()
	for k := s.live.first(); k != nil; k = s.live.after(k) {
		if p := k.of.p; p != nil {
			p.CancelCause(cause) // a task has ended its ctx already, a callback's promise may not know it
		}
	}
}

// backOff returns the pause after a failure to accept, last being the one before.
func backOff(last time.Duration) time.Duration {
	return min(max(2*last, 5*time.Millisecond), time.Second)
}

// waitForRoom waits until there are fewer connections than MaxConns allows.
func (s *Server) waitForRoom(ctx context.Context) error {
	for s.maxConns > 0 && s.live.n >= s.maxConns {
		if err := s.gone.wait(ctx); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// start takes a connection on.
func (s *Server) start(c *Conn) {
	s.accepted.Add(1)
	s.open.Add(1)
	d := &served{s: s, c: c}
	s.live.add(&d.place, d)
	if s.lazy {
		s.startAtFirstByte(d)
		return
	}
	_ = s.l.q.Post(d.start) // a closed loop needs no handler
}

// Shutdown stops accepting, closes the listener and the connections whose handler waits for the first byte, and waits until
// the handlers have returned and what they wrote has left. When ctx ends first, the handlers that are left are cancelled, their
// connections closed at once, and the promise is rejected with a *CutOffError. Cancelling the promise changes nothing. Safe from any
// goroutine.
func (s *Server) Shutdown(ctx context.Context) *promise.Promise[promise.Unit] {
	limit := s.l.Context(ctx)
	return promise.Go(context.WithoutCancel(limit), func(context.Context) error { return s.shutdown(limit) })
}

// CutOffError is what Shutdown is rejected with when connections outlived its ctx.
type CutOffError struct {
	Peers []net.Addr // of the connections that were cut off
	Err   error      // the cause of ctx's end
}

// Error names the peers.
func (e *CutOffError) Error() string {
	return fmt.Sprintf("weftio: serve: cut off %s %v: %v", plural(len(e.Peers), "connection"), e.Peers, e.Err)
}

// Unwrap returns the cause.
func (e *CutOffError) Unwrap() error { return e.Err }

func (s *Server) shutdown(ctx context.Context) error {
	s.closing = true
	s.acceptor.Cancel()
	closed := s.ln.Close()
	s.dropSilent()
	for s.live.n > 0 && ctx.Err() == nil {
		_ = s.gone.wait(ctx) // the end of ctx ends the loop as well
	}
	if s.live.n > 0 {
		return s.cutOff(context.Cause(ctx))
	}
	return closed.Wait(context.WithoutCancel(ctx))
}

// cutOff ends what is left.
func (s *Server) cutOff(cause error) error {
	e := &CutOffError{Err: cause}
	for k := s.live.first(); k != nil; k = s.live.after(k) {
		e.Peers = append(e.Peers, k.of.c.RemoteAddr())
		k.of.cut(cause)
	}
	return e
}
