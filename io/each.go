// SPDX-License-Identifier: MIT

package io

import (
	"runtime/debug"

	"github.com/weft-go/weft/promise"
)

// Each calls f with every piece of the input as it comes, of up to 64 KiB, without a task, an allocation or a copy for each: the callback
// style. f runs on the loop; the piece is its own until it returns. When f returns a promise that is pending, the next piece
// waits for that, and what the peer sends meanwhile waits with the system; a nil promise is a fulfilled one. So
// conn.Each(conn.Write) sends back whatever comes, no faster than the peer takes it.
//
// The promise of Each is fulfilled at the end of the input, and rejected with what reading fails with, or with f's rejection or
// panic. Cancelling it leaves what f has not been given to the next operation.
func (in *Input) Each(f func(piece []byte) *promise.Promise[promise.Unit]) *promise.Promise[promise.Unit] {
	if f == nil {
		panic("weftio: Input.Each: the function is nil")
	}
	e := &each{f: f}
	if e.open(in, e) {
		in.submit(e)
	}
	return e.Promise()
}

type each struct {
	read[promise.Unit]
	f    func(piece []byte) *promise.Promise[promise.Unit]
	step promise.Step // calls f

	// in.mu guards these.
	busy   bool // step is queued, or f's promise is pending
	queued bool // step is queued
}

// take has f called when there is something for it, which is after the completions of this turn: until then the piece stays
// where it is.
func (e *each) take(in *Input) bool {
	switch {
	case !e.Pending():
		return true
	case e.busy:
		return false
	case len(in.data) > 0:
		e.busy = e.step.Post(in.l.q, e)
		e.queued = e.busy
		return false
	case in.err == EOF:
		return e.Settle(promise.Unit{}, nil)
	}
	return in.over(e)
}

// RunStep implements promise.Stepper: it gives f what is there.
func (e *each) RunStep() {
	piece := e.piece()
	if len(piece) == 0 {
		e.proceed(nil)
		return
	}
	p := e.call(piece)
	if p == nil {
		p = fulfilled
	}
	if _, err, ok := p.Poll(); ok {
		e.proceed(err)
		return
	}
	e.in.keep()                                  // no step of its own comes before the poll
	p.OnSettle(func(_ promise.Unit, err error) { // on p's loop, which may be another one
		e.in.l.here(func() { e.proceed(err) })
	})
}

// piece takes what is there, unless that is no longer e's to take.
func (e *each) piece() []byte {
	in := e.in
	in.mu.Lock()
	e.queued = false
	if !e.Pending() {
		in.mu.Unlock()
		return nil
	}
	piece := in.data[:min(len(in.data), maxPiece)]
	in.data = in.data[len(piece):]
	in.trim()
	in.mu.Unlock()
	return piece
}

// maxPiece is the most that f gets at a time: an Output takes that at any time at which the promise of the last Write is settled.
const maxPiece = highWater

// call calls f. What f does instead of returning counts as a rejection.
func (e *each) call(piece []byte) (p *promise.Promise[promise.Unit]) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if v := recover(); v != nil {
			p = promise.Rejected[promise.Unit](&promise.PanicError{Value: v, Stack: debug.Stack()})
		} else {
			e.proceed(promise.ErrGoexit)
		}
	}()
	p = e.f(piece)
	returned = true
	return p
}

// proceed goes on to the next piece; err ends it all.
func (e *each) proceed(err error) {
	in := e.in
	if err != nil {
		e.Fail(err)
	}
	in.mu.Lock()
	e.busy = false
	in.goOn()
}

// CancelOp implements promise.Canceler.
func (e *each) CancelOp(error) { e.in.withdraw(e) }
