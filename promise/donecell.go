// SPDX-License-Identifier: MIT

package promise

import (
	"runtime"
	"unsafe"
	"weak"
)

// doneCell is the Done channel of a context of this package. The queue's mutex guards it.
//
// While the context's task runs, the context holds the channel. Afterwards the cell hangs on the contexts above like all that was
// started under it, and holds the channel weakly: a task that is over leaves nothing behind once nobody can wait for it.
type doneCell struct {
	q      *Queue
	link   ctxLink
	ch     chan struct{} // nil: weak has it
	weak   weakChan
	closed bool
}

// newDoneCell makes the Done channel of t. q is locked.
func newDoneCell(t *tie) (*doneCell, chan struct{}) {
	ch := make(chan struct{})
	d := &doneCell{q: t.list.q, ch: ch}
	if t.is(ctxLeft) {
		d.loosen(&t.list)
	}
	return d, ch
}

// channel returns nil when there is none, or nobody has it any more. q is locked.
func (d *doneCell) channel() chan struct{} {
	if d == nil {
		return nil
	}
	if d.ch != nil {
		return d.ch
	}
	return d.weak.get()
}

// loosen hangs the cell on l until the channel is collected. q is locked.
func (d *doneCell) loosen(l *ctxList) {
	if d.ch == nil {
		return
	}
	d.weak = weaken(d.ch, (*doneCell).collected, d)
	d.ch = nil
	d.link.c = d
	l.push(&d.link)
}

func (d *doneCell) collected() {
	d.q.lock()
	d.link.unlink()
	d.q.unlock()
}

// close closes the channel, once.
func (d *doneCell) close() {
	if d == nil {
		return
	}
	d.q.lock()
	ch, first := d.channel(), !d.closed
	d.closed = true
	d.link.unlink()
	d.q.unlock()
	if ch != nil && first {
		close(ch)
	}
}

func (d *doneCell) end(error)       { d.close() }
func (*doneCell) outside()          {}
func (d *doneCell) visit(s *search) { s.end(d) }
func (d *doneCell) queue() *Queue   { return d.q }
func (d *doneCell) pending() bool   { return true }
func (d *doneCell) key() any        { return d }
func (d *doneCell) identity() any   { return d }

// weakChan refers to a channel without keeping it from being collected. A channel is a pointer to what the runtime allocates for
// it; package weak has no other way to say so.
type weakChan struct{ p weak.Pointer[byte] }

// weaken has gone called with d some time after ch was collected.
func weaken(ch chan struct{}, gone func(*doneCell), d *doneCell) weakChan {
	p := *(**byte)(unsafe.Pointer(&ch))
	runtime.AddCleanup(p, gone, d)
	return weakChan{weak.Make(p)}
}

func (w weakChan) get() (ch chan struct{}) {
	*(**byte)(unsafe.Pointer(&ch)) = w.p.Value()
	return ch
}
