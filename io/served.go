// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime/debug"

	"github.com/weft-go/weft/promise"
)

// served is a connection of a server, from accept until it is closed. Loop goroutine only.
type served struct {
	s     *Server
	c     *Conn
	p     *promise.Promise[promise.Unit] // the handler's; nil until that starts
	step  promise.Step                   // starts it
	place ringLink[*served]
	ended bool
}

// begin has the handler started in a later step.
func (d *served) begin() { d.step.Post(d.s.l.q, d) } // a closed loop needs no handler

// RunStep implements promise.Stepper: it starts the handler, unless the server's ctx has ended meanwhile.
func (d *served) RunStep() {
	if d.ended {
		return
	}
	if d.s.ctx.Err() != nil {
		d.end(context.Canceled)
		return
	}
	p := d.call()
	if p == nil {
		p = fulfilled
	}
	d.p = p
	p.OnSettle(d.settled)
}

// Describe names the step where a watchdog reports it.
func (d *served) Describe() string { return d.s.name }

// settled is called when the handler's promise has settled, on that promise's loop, which may be another one.
func (d *served) settled(_ promise.Unit, err error) { d.s.l.here(func() { d.end(err) }) }

// call calls the handler. What that does instead of returning counts as a rejection.
func (d *served) call() (p *promise.Promise[promise.Unit]) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			p = promise.Rejected[promise.Unit](&promise.PanicError{Value: v, Stack: debug.Stack()})
		} else {
			d.end(promise.ErrGoexit)
		}
	}()
	p = d.s.handle(d.s.ctx, d.c)
	returned = true
	return p
}

// end closes the connection; err is what its handler returned.
func (d *served) end(err error) {
	if d.ended {
		return
	}
	d.ended = true
	d.report(err)
	d.c.Close().OnSettle(func(_ promise.Unit, cerr error) {
		if err == nil {
			d.report(cerr)
		}
		d.s.forget(d)
	})
}

// cut ends the connection and its handler at once.
func (d *served) cut(cause error) {
	if d.p != nil {
		d.p.CancelCause(cause)
	}
	d.c.state().cutOff(errClosed)
}

// report counts an error of the connection and hands it to the server's handler, unless it is the end of the handler's ctx, or of
// the server.
func (d *served) report(err error) {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, promise.ErrLoopClosed):
	case d.s.closing && errors.Is(err, net.ErrClosed):
	default:
		d.s.counts.countEnd(err)
		d.s.hear(d.c, err)
	}
}

// connError says which handler an error belongs to, and which connection.
func (s *Server) connError(c *Conn, err error) error {
	if c == nil {
		return fmt.Errorf("weftio: server of %s: %w", s.name, err)
	}
	return fmt.Errorf("weftio: %s, serving %s: %w", s.name, c.RemoteAddr(), err)
}

// forget makes room for another connection.
func (s *Server) forget(d *served) {
	s.live.remove(&d.place)
	s.counts.open.Add(-1)
	s.gone.ring()
}
