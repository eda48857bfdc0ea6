// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/weft-go/weft/promise"
)

// Server accepts connections and runs a handler for each. Serve and ServeCallback make one; a handler has it by ServerFrom.
type Server struct {
	l      *Loop
	ln     *Listener
	handle func(ctx context.Context, c *Conn) *promise.Promise[promise.Unit]
	name   string // the handler's, as in "handler main.chat"
	ctx    context.Context
	serveOptions
	counts serverCounts

	mu   sync.Mutex
	ends *promise.Promise[promise.Unit] // Closing's; nil: nobody has asked
	end  *promise.Resolver[promise.Unit]

	// Loop goroutine only.
	live     ring[*served] // in the order accepted
	silent   ring[*silent] // those of live whose handler waits for the first byte, likewise
	gone     bell          // rings when a connection has closed
	watching bool          // a timer runs for the first of silent
	closing  bool          // written under mu
	acceptor *promise.Promise[promise.Unit]
}

// Serve runs handler, as a task, for each connection that ln accepts, until Shutdown, or the end of ctx, which also
// ends the handlers' ctx. When a handler returns, its connection is flushed and closed; see CloseTimeout for peers that do not
// read. An error or panic of one handler concerns only its connection: see OnConnError. When accepting fails, for want of file
// descriptors say, the connections wait, and the server tries again, after a pause that grows to a second.
// Lwt_io.establish_server_with_client_address.
func Serve(ctx context.Context, ln *Listener, handler func(ctx context.Context, c *Conn) error, opts ...ServeOption) *Server {
	if ln == nil || handler == nil {
		panic("weftio: Serve: the listener or the handler is nil")
	}
	return serve(ctx, ln, opts, nameOf(handler), func(ctx context.Context, c *Conn) *promise.Promise[promise.Unit] {
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
	return serve(ctx, ln, opts, nameOf(handler), handler)
}

func serve(ctx context.Context, ln *Listener, opts []ServeOption, handler string,
	handle func(ctx context.Context, c *Conn) *promise.Promise[promise.Unit]) *Server {
	s := &Server{l: ln.l, ln: ln, handle: handle, name: "handler " + handler}
	for _, o := range opts {
		o(&s.serveOptions)
	}
	s.ctx = s.l.q.ContextNamed(ctx, s.name, serverKey{}, s)
	s.acceptor = promise.Go(s.l.q.ContextNamed(ctx, "server of "+s.name, nil, nil), s.accept)
	s.acceptor.OnCancel(s.unaccepted)
	return s
}

type serverKey struct{}

// ServerFrom returns the server whose handler was given ctx, or a context derived from it: nil when there is none.
func ServerFrom(ctx context.Context) *Server {
	s, _ := ctx.Value(serverKey{}).(*Server)
	return s
}

// Listener returns what the server listens on.
func (s *Server) Listener() *Listener { return s.ln }

// Served returns how many connections have been accepted. Safe from any goroutine.
func (s *Server) Served() int { return int(s.counts.accepted.Load()) }

// Open returns how many connections are open. Safe from any goroutine.
func (s *Server) Open() int { return int(s.counts.open.Load()) }

// Closing returns a promise that is fulfilled when Shutdown has been called, or ctx has ended: a handler that waits for its peer may
// then say goodbye. Each call returns a promise of its own, which Pick may cancel. Safe from any goroutine. This handler answers
// until then:
//
//	for {
//		closing := weftio.ServerFrom(ctx).Closing()
//		bye := promise.Map(closing, func(promise.Unit) (string, error) { return "", weftio.EOF })
//		line, err := promise.Pick(c.ReadLine(), bye).Await(ctx)
//		...
func (s *Server) Closing() *promise.Promise[promise.Unit] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return fulfilled
	}
	if s.ends == nil {
		s.ends, s.end = promise.New[promise.Unit](context.WithoutCancel(s.ctx))
	}
	return s.ends.Protected() // a Pick that has cancelled it leaves nothing behind
}

// close notes that the server accepts nothing more. Loop goroutine only.
func (s *Server) close() {
	s.mu.Lock()
	s.closing = true
	end := s.end
	s.mu.Unlock()
	if end != nil {
		end.Resolve(promise.Unit{})
	}
}

// unaccepted closes the listener when ctx has ended before accept could begin: a task that is cancelled so early never runs.
func (s *Server) unaccepted() {
	s.close()
	s.ln.Close()
}

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
		s.counts.refused.Add(1)
		s.hear(nil, err)
		pause = backOff(pause)
		_ = Sleep(ctx, pause).Wait(ctx) // the end of ctx ends the loop as well
	}
	s.ln.Close()
	if s.ctx.Err() != nil {
		s.cancel(context.Cause(s.ctx))
	}
	return nil
}

// hear hands an error to whom OnConnError names, whose panic concerns no connection. By default what a peer causes is in the debug
// log only.
func (s *Server) hear(c *Conn, err error) {
	switch {
	case s.onError != nil:
		s.l.hook("OnConnError", func(*Loop) { s.onError(c, err) })
	case c != nil && isHarmless(err):
		slog.Debug("weft: a connection has ended", "handler", s.name, "peer", c.RemoteAddr(), "error", err)
	default:
		s.l.q.Report(s.connError(c, err))
	}
}

// cancel ends all connections in order, now that the server's ctx has ended.
func (s *Server) cancel(cause error) {
	s.close()
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
	s.counts.accepted.Add(1)
	s.counts.open.Add(1)
	d := &served{s: s, c: c}
	c.state().server = s
	s.live.add(&d.place, d)
	if s.lazy {
		s.startAtFirstByte(d)
		return
	}
	d.begin()
}

// Shutdown stops accepting, closes the listener and the connections whose handler waits for the first byte, and waits until
// the handlers have returned and what they wrote has left, also those of connections that were accepted but not begun with. When ctx ends
// first, the handlers that are left are cancelled, their connections closed at once, reset where output waits, and the promise is
// rejected with a *CutOffError; when the loop ends first, with promise.ErrLoopClosed. Cancelling the promise changes nothing. Handlers hear of it by Closing. Safe from any goroutine.
func (s *Server) Shutdown(ctx context.Context) *promise.Promise[promise.Unit] {
	limit := s.l.Context(ctx)
	// Not by Go, whose rejection is reported at the end of the turn: a goroutine that awaits this one may come later.
	return promise.Spawn(context.WithoutCancel(limit), func(context.Context) (promise.Unit, error) {
		return promise.Unit{}, s.shutdown(limit)
	})
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
	s.close()
	s.acceptor.Cancel()
	closed := s.ln.Close()
	_ = s.acceptor.NoCancel().Wait(context.WithoutCancel(ctx)) // it may have a connection in hand
	s.dropSilent()
	for s.live.n > 0 && ctx.Err() == nil {
		if err := s.gone.wait(ctx); err != nil && ctx.Err() == nil {
			return err // the loop ends, and with it the connections
		}
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
