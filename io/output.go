// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// Output is an output channel: writes gather in a buffer, which leaves at the end of the loop's turn, or when it is full.
// The bytes of two writes never mix, and they leave in the order written. Safe from any goroutine.
//
// # Back-pressure
//
// A Write's promise is fulfilled at once while no more than the high-water mark (64 KiB) waits to leave, and otherwise when
// its bytes have moved below that. Above the hard limit (16 times the mark) a Write takes nothing and is rejected
// with ErrBufferFull. A Write that waits counts for 256 bytes more than it has, which is about what it takes.
// Lwt_io.output_channel.
type Output struct {
	l   *Loop
	dst sink

	mu      sync.Mutex
	chunks  chunks     // what leaves at the end of the turn
	below   int        // bytes in them, and those that libuv has queued
	waiting []*writeOp // above the mark: not yet in chunks
	above   int        // bytes of these
	written int64      // bytes that have left
	flushes []*flushOp
	err     error    // the first failure; nothing is written after it
	closed  bool     // by its user
	refusal *flushOp // what operations get that are not taken; nil: there was none since the last that was
	seen    bool     // somebody waited for what has failed
	late    error    // the write deadline has passed; nil: it has not
	loud    bool     // somebody waits for every byte
	unsure  bool     // some of what was written last may be queued after all: the loop has not heard yet
	asked   bool     // the loop is about to hand chunks over
}

// sink is where an Output's bytes go. Its methods are called on the loop.
type sink interface {
	// send sends p as uv.Stream.Send does.
	send(p []byte, loud bool, c uv.Completer) error
	writeError(err error) error // in the shape users see
	closeWrite() *promise.Promise[promise.Unit]
}

const (
	highWater  = 64 << 10
	hardLimit  = 16 * highWater
	writeCost  = 256 // bytes of memory that a waiting Write takes beside its own
	maxFlushes = 64  // that wait, each with a promise of its own
)

var fulfilled = promise.Resolved(promise.Unit{})

// Write writes all of b, which it has copied when it returns. Cancelling its promise withdraws bytes that had to wait
// above the mark, and no others. Lwt_io.write_from_exactly.
func (o *Output) Write(b []byte) *promise.Promise[promise.Unit] {
	_, p := o.write(b)
	return p
}

// write is Write. op is nil unless b has to wait.
func (o *Output) write(b []byte) (op *writeOp, p *promise.Promise[promise.Unit]) {
	o.mu.Lock()
	op, p, ask := o.add(b)
	o.mu.Unlock()
	if ask {
		o.l.schedule((*outputWork)(o))
	}
	return op, p
}

// WriteString writes s, as Write does. Lwt_io.write.
func (o *Output) WriteString(s string) *promise.Promise[promise.Unit] { return o.Write([]byte(s)) }

// WriteLine writes s and a line feed, as Write does. Lwt_io.write_line.
func (o *Output) WriteLine(s string) *promise.Promise[promise.Unit] {
	return o.Write(append([]byte(s), '\n'))
}

// Printf writes what fmt.Sprintf formats, as Write does. Lwt_io.fprintf.
func (o *Output) Printf(format string, args ...any) *promise.Promise[promise.Unit] {
	return o.Write(fmt.Appendf(nil, format, args...))
}

// add takes b, or says why not, with o.mu held. op is nil unless b has to wait. ask: the loop has to be asked to hand chunks over.
func (o *Output) add(b []byte) (op *writeOp, p *promise.Promise[promise.Unit], ask bool) {
	switch {
	case o.err != nil:
		return nil, o.refuse(o.err), false
	case o.closed:
		return nil, o.refuse(o.dst.writeError(net.ErrClosed)), false
	case len(b) == 0:
		return nil, fulfilled, false
	case o.below+o.above > 0 && o.below+o.above+len(o.waiting)*writeCost+len(b) > hardLimit:
		return nil, o.refuse(ErrBufferFull), false
	case len(o.waiting) == 0 && (o.below == 0 || o.below+len(b) <= highWater) && len(b) <= highWater:
		o.fill(b)
		return nil, fulfilled, o.ask()
	}
	if o.late != nil {
		return nil, o.refuse(o.late), false
	}
	w := &writeOp{o: o, size: len(b), at: o.written + int64(o.below+o.above), data: append([]byte(nil), b...)}
	if !w.Init(o.l.q, w) {
		return w, w.Promise(), false
	}
	o.refusal = nil
	o.waiting = append(o.waiting, w)
	o.above += len(b)
	return w, w.Promise(), o.advance()
}

// refuse returns the promise of a Write that was not taken: one for all in a row, so that they cost nothing, and are reported as one if
// nobody looks at any. It is on the loop, whose handler hears of it; of a failure it has heard already. o.mu is held.
func (o *Output) refuse(err error) *promise.Promise[promise.Unit] {
	if o.refusal == nil {
		o.refusal = &flushOp{}
		if o.refusal.Init(o.l.q, nil) {
			if err == o.err {
				o.refusal.FailQuietly(err)
			} else {
				o.refusal.Fail(err)
			}
		}
	}
	return o.refusal.Promise()
}

// told reports whether somebody has looked at the failure of the channel, other than a Close.
func (o *Output) told() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.seen || o.err != nil && o.refusal != nil && o.refusal.Observed()
}

// fill copies b into chunks.
func (o *Output) fill(b []byte) {
	o.refusal = nil
	o.below += len(b)
	o.chunks.fill(b)
}

func (o *Output) ask() bool {
	if o.asked {
		return false
	}
	o.asked = true
	return true
}

// advance moves waiting writes below the mark, as far as there is room. It returns whether the loop has to be asked.
func (o *Output) advance() (ask bool) {
	for len(o.waiting) > 0 && o.below < highWater {
		w := o.waiting[0]
		room := highWater - o.below
		if !w.Pending() { // cancelled; what is left of it must not leave
			o.drop()
			continue
		}
		n := min(room, len(w.data))
		o.fill(w.data[:n])
		o.above -= n
		w.data = w.data[n:]
		ask = true
		if len(w.data) == 0 {
			o.drop()
			w.Settle(promise.Unit{}, nil)
		}
	}
	return ask && o.ask()
}

// drop takes the first waiting write off the queue.
func (o *Output) drop() {
	o.above -= len(o.waiting[0].data)
	o.waiting[0] = nil
	o.waiting = o.waiting[1:]
	if len(o.waiting) == 0 {
		o.waiting = nil
	}
}

// writeOp is a Write that has to wait.
type writeOp struct {
	promise.Leaf[promise.Unit]
	o    *Output
	size int
	at   int64  // Output.written when what came before it had left
	data []byte // what is still above the mark
}

// CancelOp implements promise.Canceler: it withdraws what is still above the mark.
func (w *writeOp) CancelOp(error) {
	o := w.o
	o.mu.Lock()
	defer o.mu.Unlock()
	o.withdraw(w)
}

// withdraw takes back what is above the mark of w. o.mu is held.
func (o *Output) withdraw(w *writeOp) {
	if i := slices.Index(o.waiting, w); i >= 0 {
		o.above -= len(w.data)
		o.waiting = slices.Delete(o.waiting, i, i+1)
	}
}

// outputWork hands an Output's chunks over.
type outputWork Output

func (w *outputWork) perform() {
	o := (*Output)(w)
	o.mu.Lock()
	o.asked = false
	err := o.send()
	o.mu.Unlock()
	if err != nil {
		o.fail(o.dst.writeError(err))
	}
}

func (w *outputWork) refused(err error) { (*Output)(w).fail(err) }

// send hands the chunks over. Unless somebody waits, what leaves at once is not heard of again: so all of it counts as written until
// there is other news. o.mu is held.
func (o *Output) send() error {
	if o.err != nil {
		return nil
	}
	loud := o.loud || len(o.flushes)+len(o.waiting) > 0
	if len(o.chunks) == 0 && loud && o.unsure {
		return o.dst.send(nil, true, (*outputSender)(o))
	}
	for _, c := range o.chunks {
		if err := o.dst.send(c.buf[:c.n], loud, (*outputSender)(o)); err != nil {
			return err
		}
	}
	if n := o.chunks.drop(); !loud {
		o.below -= n
		o.written += int64(n)
		o.unsure = true
	}
	return nil
}

// outputSender is an Output as the completer of its sends.
type outputSender Output

// Complete takes the news of sends.
func (w *outputSender) Complete(ev uv.Event) {
	o := (*Output)(w)
	if ev.Status < 0 {
		o.fail(o.dst.writeError(ev.Status))
		return
	}
	n := int(ev.Value)
	if ev.Queued {
		n = -n
	}
	o.mu.Lock()
	o.unsure = false
	o.below -= n
	o.written += int64(n)
	ask := o.advance()
	o.flushed()
	o.mu.Unlock()
	if ask {
		o.l.schedule((*outputWork)(o))
	}
}

// fail ends the channel: everything pending is rejected with err. The first failure counts.
func (o *Output) fail(err error) {
	o.mu.Lock()
	if o.err == nil {
		o.err, o.refusal = err, nil
	}
	err = o.err
	waiting, flushes := o.waiting, o.flushes
	o.waiting, o.flushes, o.above = nil, nil, 0
	o.below -= o.chunks.drop()
	o.mu.Unlock()
	seen := false
	for _, w := range waiting {
		seen = w.Observed() || seen
		w.Fail(err)
	}
	for _, f := range flushes {
		seen = !f.last && f.Observed() || seen
		f.Fail(err)
	}
	if seen {
		o.mu.Lock()
		o.seen = true
		o.mu.Unlock()
	}
}

// Flush returns a promise that is fulfilled once everything written so far has been handed to the system, and rejected
// when that fails. After Close it is rejected with net.ErrClosed, as Write is: Close flushes. It is not cancelable. Lwt_io.flush.
func (o *Output) Flush() *promise.Promise[promise.Unit] { return o.flush(false) }

// flush is Flush; with last it refuses further writes.
func (o *Output) flush(last bool) *promise.Promise[promise.Unit] {
	o.mu.Lock()
	over := o.closed && !last
	if last {
		o.close()
	}
	f, ask := &flushOp{until: o.written + int64(o.below+o.above), last: last}, false
	switch {
	case o.err != nil:
		p := o.refuse(o.err)
		o.mu.Unlock()
		return p
	case over:
		p := o.refuse(o.dst.writeError(net.ErrClosed))
		o.mu.Unlock()
		return p
	case o.below+o.above == 0 && !o.unsure:
		o.mu.Unlock()
		return fulfilled
	case !last && len(o.flushes) >= maxFlushes: // the last one waits for these bytes too
		last := o.flushes[len(o.flushes)-1]
		last.until = f.until
		o.mu.Unlock()
		return last.Promise()
	case o.late != nil && !last:
		p := o.refuse(o.late)
		o.mu.Unlock()
		return p
	case f.Init(o.l.q, nil):
		o.flushes = append(o.flushes, f)
		ask = o.ask()
	}
	o.mu.Unlock()
	if ask { // the loop may have nothing else to do
		o.l.schedule((*outputWork)(o))
	}
	return f.Promise()
}

// close refuses what comes from now on. o.mu is held.
func (o *Output) close() {
	if !o.closed {
		o.closed, o.refusal = true, nil
	}
}

// flushOp waits until so many bytes have left.
type flushOp struct {
	promise.Leaf[promise.Unit]
	until int64
	last  bool // of a Close
}

// flushed settles the flushes whose bytes have left. Writes that were withdrawn make up for their bytes at the end.
func (o *Output) flushed() {
	for len(o.flushes) > 0 && (o.flushes[0].until <= o.written || o.below+o.above == 0) {
		o.flushes[0].Settle(promise.Unit{}, nil)
		o.flushes[0] = nil
		o.flushes = o.flushes[1:]
	}
	if len(o.flushes) == 0 {
		o.flushes = nil
	}
}

// hurry has the loop hear of every write from now on.
func (o *Output) hurry() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.loud = true
}

// unsent returns how many bytes wait to leave: the loop's end waits for that.
func (o *Output) unsent() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0
	}
	return o.below + o.above
}

// Close flushes what was written and ends the channel; its promise is rejected when that fails. Of a connection it is
// CloseWrite: reading goes on. Lwt_io.close.
func (o *Output) Close() *promise.Promise[promise.Unit] { return o.dst.closeWrite() }

// Writer returns the channel as std's io.Writer, for code that only writes: its Write awaits under ctx when the
// channel is above its mark, so it is for tasks and goroutines.
func (o *Output) Writer(ctx context.Context) *Writer { return &Writer{ctx, o} }

// Writer is an Output as std's io.Writer.
type Writer struct {
	ctx context.Context
	o   *Output
}

// Write implements io.Writer. When ctx ends first, it withdraws what still waits above the mark and returns how many bytes it cannot
// take back: these leave. When the channel fails, it returns how many bytes have left.
func (w *Writer) Write(p []byte) (int, error) {
	op, done := w.o.write(p)
	err := done.Wait(w.ctx)
	switch {
	case err == nil:
		return len(p), nil
	case op == nil:
		return 0, err
	}
	done.Cancel() // it may be pending where nothing can wait, as in a bare callback
	if n := op.giveUp(); n < len(p) {
		return n, err
	}
	return len(p), nil
}

// giveUp withdraws what is above the mark, and returns how many bytes have left or will.
func (w *writeOp) giveUp() int {
	o := w.o
	o.mu.Lock()
	defer o.mu.Unlock()
	o.withdraw(w)
	n := w.size - len(w.data)
	if o.err != nil { // what was below the mark is lost
		n = min(n, max(0, int(o.written-w.at)))
	}
	return n
}
