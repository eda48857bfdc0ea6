// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weft-go/weft/promise"
)

// Server accepts connections and runs a handler for each. Serve makes one.
type Server struct {
	l       *Loop
	ln      *Listener
	handler func(ctx context.Context, c *Conn) error
	onError func(c *Conn, err error)
	ctx     context.Context
	accept  *promise.Promise[promise.Unit]

	// Loop goroutine only.
	live    map[*promise.Promise[promise.Unit]]*Conn
	served  int
	drained *promise.Resolver[promise.Unit] // Shutdown waits for the last handler
}

// acceptPause is how long a server waits after a failure to accept, such as too many open files.
const acceptPause = 50 * time.Millisecond

// ServeOption sets something about a Server.
type ServeOption func(*Server)

// OnConnError has f receive each handler's error or panic (a *promise.PanicError), and failures to accept, with a nil
// Conn. It runs on the loop. The default is the loop's error handler.
func OnConnError(f func(c *Conn, err error)) ServeOption {
	return func(s *Server) { s.onError = f }
}

// Serve runs handler, as a task, for each connection that ln accepts, until Shutdown, or the end of ctx, which also
// ends the handlers' ctx. When a handler returns, its connection is flushed and closed. An error or panic of one
// handler concerns only its connection. Lwt_io.establish_server_with_client_address.
func Serve(ctx context.Context, ln *Listener, handler func(ctx context.Context, c *Conn) error, opts ...ServeOption) *Server {
	if ln == nil || handler == nil {
		panic("weftio: Serve: the listener or the handler is nil")
	}
	s := &Server{l: ln.l, ln: ln, handler: handler, live: map[*promise.Promise[promise.Unit]]*Conn{}}
	s.onError = func(c *Conn, err error) { s.l.q.Report(connError(c, err)) }
	for _, o := range opts {
		o(s)
	}
	s.ctx = s.l.Context(ctx)
	s.accept = promise.Go(s.ctx, s.acceptAll)
	return s
}

// connError says which connection an error belongs to.
func connError(c *Conn, err error) error {
	if c == nil {
		return err
	}
	return fmt.Errorf("weftio: serve %s: %w", c.RemoteAddr(), err)
}

// Listener returns what the server listens on.
func (s *Server) Listener() *Listener { return s.ln }

// acceptAll is the task that accepts.
func (s *Server) acceptAll(ctx context.Context) error {
	for {
		c, err := s.ln.Accept().Await(ctx)
		switch {
		case err == nil:
			s.start(c)
		case ctx.Err() != nil || errors.Is(err, errClosed) || errors.Is(err, promise.ErrLoopClosed):
			s.ln.Close()
			return nil
		default:
			s.onError(nil, err)
			if Sleep(ctx, acceptPause).Wait(ctx) != nil {
				return nil
			}
		}
	}
}

// start runs the handler of one connection.
func (s *Server) start(c *Conn) {
	s.served++
	p := promise.Spawn(s.ctx, func(ctx context.Context) (promise.Unit, error) {
		err := s.handler(ctx, c)
		return promise.Unit{}, err
	})
	s.live[p] = c
	p.OnSettle(func(_ promise.Unit, err error) { s.ended(p, c, err) })
}

// ended closes a connection whose handler has returned.
func (s *Server) ended(p *promise.Promise[promise.Unit], c *Conn, err error) {
	if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, promise.ErrLoopClosed) {
		s.onError(c, err)
	}
	c.Close().OnSettle(func(_ promise.Unit, cerr error) {
		if cerr != nil && err == nil && !errors.Is(cerr, promise.ErrLoopClosed) {
			s.onError(c, cerr)
		}
		delete(s.live, p)
		if len(s.live) == 0 && s.drained != nil {
			s.drained.Resolve(promise.Unit{})
		}
	})
}

// Served returns how many connections have been accepted. Loop goroutine only.
func (s *Server) Served() int { return s.served }

// Shutdown stops accepting, closes the listener, and waits for the handlers to return. When ctx ends first, the handlers
// that are left are cancelled, and the promise is rejected with an error that names their peers and is ctx's cause.
func (s *Server) Shutdown(ctx context.Context) *promise.Promise[promise.Unit] {
	return promise.Spawn(s.l.Context(ctx), func(ctx context.Context) (promise.Unit, error) {
		return promise.Unit{}, s.shutdown(ctx)
	})
}

func (s *Server) shutdown(ctx context.Context) error {
	if err := s.ln.Close().Wait(ctx); err != nil {
		return err
	}
	if len(s.live) == 0 {
		return nil
	}
	p, r := promise.New[promise.Unit](context.WithoutCancel(ctx))
	s.drained = r
	if p.Wait(ctx) == nil {
		return nil
	}
	cause := context.Cause(ctx)
	var peers []string
	for p, c := range s.live {
		peers = append(peers, c.RemoteAddr().String())
		p.CancelCause(cause)
	}
	return fmt.Errorf("weftio: serve: cut off %d connections %v: %w", len(peers), peers, cause)
}
