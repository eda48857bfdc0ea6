// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/weft-go/weft/promise"
)

// served is a connection of a server, from accept until it is closed. Loop goroutine only.
type served struct {
	s        *Server
	c        *Conn
	p        *promise.Promise[promise.Unit] // the handler's; nil until that starts
	step     promise.Step                   // starts the handler
	inLive   ringLink[*served]
	inSilent ringLink[*served]
	since    time.Duration // accepted; kept for FirstByteTimeout
	ended    bool
}

// RunStep implements promise.Stepper: it starts the handler.
func (d *served) RunStep() {
	s := d.s
	s.silent.remove(&d.inSilent)
	if d.ended {
		return
	}
	p := d.call()
	if p == nil {
		p = fulfilled
	}
	d.p = p
	p.OnSettle(func(_ promise.Unit, err error) { d.end(err) })
}

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
	d.s.silent.remove(&d.inSilent)
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
	d.c.state.shutdown(errClosed)
}

// report hands an error of the connection to the server's handler, unless it is the end of the handler's ctx, or of the server.
func (d *served) report(err error) {
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, promise.ErrLoopClosed):
	case d.s.closing && errors.Is(err, errClosed):
	default:
		d.s.onError(d.c, err)
	}
}

// connError says which connection an error belongs to.
func connError(c *Conn, err error) error {
	if c == nil {
		return err
	}
	return fmt.Errorf("weftio: serve %s: %w", c.RemoteAddr(), err)
}

// forget makes room for another connection.
func (s *Server) forget(d *served) {
	s.live.remove(&d.inLive)
	s.open.Add(-1)
	s.gone.ring()
}

// firstByte is a served connection as the operation that waits for its peer to speak.
type firstByte served

func (f *firstByte) take(in *Input) bool {
	if len(in.data) == 0 && in.err == nil {
		return false
	}
	f.step.Post() // a closed loop needs no handler
	return true
}

func (f *firstByte) fail(error) {}
