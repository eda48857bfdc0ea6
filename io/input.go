// SPDX-License-Identifier: MIT

package io

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// Input is an input channel: a buffered reader whose operations are promises. They are served one after the other,
// in the order asked for. Reading goes on ahead of them up to a limit; what nobody reads stops it. At most 4,096
// of them wait; one more is rejected with ErrTooManyPending. Safe from any goroutine.
//
// # Cancellation
//
// A cancelled operation consumes nothing: the bytes go to the next one. Lwt_io.input_channel.
type Input struct {
	l   *Loop
	src source

	mu      sync.Mutex
	data    []byte // what was read and not yet asked for
	lent    bool   // data is libuv's memory, good until the poll
	ops     []readOp
	err     error // what comes after data: EOF or a failure
	reading bool  // the source is delivering
	asked   bool  // the loop is about to look at whether it should
}

// source is where an Input's bytes come from. Its methods are called on the loop.
type source interface {
	readStart(c uv.Completer) error
	readStop()
	readError(err error) error // in the shape users see
	closeRead() *promise.Promise[promise.Unit]
}

// readOp is a pending operation of an Input.
type readOp interface {
	// take tries to serve the operation from in.data and in.err, with in.mu held, and reports whether it has settled.
	take(in *Input) bool
	fail(err error)
}

const (
	readAhead        = 64 << 10 // bytes that an Input holds for nobody before it stops reading
	defaultLineLimit = 64 << 10
	maxPending       = 4096 // operations that wait in one channel, or Accepts
)

// submit serves op at once or queues it.
func (in *Input) submit(op readOp) {
	in.mu.Lock()
	if len(in.ops) == 0 && op.take(in) {
		in.trim()
		in.mu.Unlock()
		return
	}
	if len(in.ops) >= maxPending {
		in.mu.Unlock()
		op.fail(ErrTooManyPending)
		return
	}
	in.ops = append(in.ops, op)
	ask := in.want()
	in.mu.Unlock()
	if ask {
		in.l.schedule((*inputWork)(in))
	}
}

// want reports whether the loop has to be asked to start reading. in.mu is held.
func (in *Input) want() bool {
	if in.reading || in.asked || in.err != nil {
		return false
	}
	in.asked = true
	return true
}

// withdraw takes a cancelled operation back. Loop goroutine only.
func (in *Input) withdraw(op readOp) {
	in.mu.Lock()
	for i, o := range in.ops {
		if o == op {
			in.ops = append(in.ops[:i], in.ops[i+1:]...)
			break
		}
	}
	in.goOn() // the one behind it may need less
}

// goOn serves operations after one has let go of what is there. in.mu is held, and released. Loop goroutine only.
func (in *Input) goOn() {
	in.serve()
	full := false
	if !in.stepWaits() {
		in.own()
		full = in.stopIfFull()
	}
	ask := len(in.ops) > 0 && in.want()
	in.mu.Unlock()
	if full {
		in.src.readStop()
	}
	if ask {
		in.l.schedule((*inputWork)(in))
	}
}

// serve settles operations for as long as there is something for them. in.mu is held.
func (in *Input) serve() {
	done := 0
	for done < len(in.ops) && in.ops[done].take(in) {
		in.ops[done] = nil
		done++
	}
	if done == len(in.ops) {
		in.ops = in.ops[:0]
	} else {
		in.ops = in.ops[done:]
	}
	in.trim()
}

// trim lets go of an empty buffer, so that an idle channel has none.
func (in *Input) trim() {
	if len(in.data) == 0 {
		in.data, in.lent = nil, false
	}
}

// inputWork starts the reading that somebody asked for.
type inputWork Input

func (w *inputWork) perform() {
	in := (*Input)(w)
	in.mu.Lock()
	in.asked = false
	start := !in.reading && in.err == nil && len(in.ops) > 0
	in.reading = in.reading || start
	in.mu.Unlock()
	if !start {
		return
	}
	if err := in.src.readStart((*inputReader)(in)); err != nil {
		in.end(in.src.readError(err))
	}
}

func (w *inputWork) refused(err error) { (*Input)(w).end(err) }

// inputReader is an Input as the completer of its source.
type inputReader Input

// Complete takes what libuv has read.
func (r *inputReader) Complete(ev uv.Event) {
	in := (*Input)(r)
	if ev.Status < 0 {
		in.mu.Lock()
		in.reading = false
		in.mu.Unlock()
		if ev.Status == uv.EOF {
			in.end(EOF)
		} else {
			in.end(in.src.readError(ev.Status))
		}
		return
	}
	in.mu.Lock()
	if len(in.data) == 0 {
		in.data, in.lent = ev.Data, true
	} else {
		in.data, in.lent = append(in.data, ev.Data...), false
	}
	in.serve()
	if in.stepWaits() { // it uses the bytes before the poll, as a rule
		in.l.lent = append(in.l.lent, in)
		in.mu.Unlock()
		return
	}
	in.own()
	full := in.stopIfFull()
	in.mu.Unlock()
	if full {
		in.src.readStop()
	}
}

// each returns the operation that is served now, if it is one of Each's. in.mu is held.
func (in *Input) each() *each {
	if len(in.ops) == 0 {
		return nil
	}
	e, _ := in.ops[0].(*each)
	return e
}

// stepWaits reports whether a step of Each is on the run queue, which will take what is there. in.mu is held.
func (in *Input) stepWaits() bool {
	e := in.each()
	return e != nil && e.queued
}

// keep makes what the poll would end the channel's own. Loop goroutine only.
func (in *Input) keep() {
	in.mu.Lock()
	in.own()
	full := in.stopIfFull()
	in.mu.Unlock()
	if full {
		in.src.readStop()
	}
}

// own copies what is libuv's memory. in.mu is held.
func (in *Input) own() {
	if in.lent {
		in.data, in.lent = append([]byte(nil), in.data...), false
		in.trim()
	}
}

// stopIfFull reports whether reading has to stop, because enough is there that nobody takes, and notes that it does. in.mu is held.
func (in *Input) stopIfFull() bool {
	if !in.reading || len(in.data) < readAhead {
		return false
	}
	if e := in.each(); len(in.ops) > 0 && (e == nil || !e.busy) {
		return false // the operation needs more than there is
	}
	in.reading = false
	return true
}

// end says what comes after the bytes that are there, and serves what that decides. The first end counts.
func (in *Input) end(err error) {
	in.mu.Lock()
	if in.err == nil {
		in.err = err
	}
	in.serve()
	in.mu.Unlock()
}

// discard is end for a channel that its user closed: the bytes that are there are dropped.
func (in *Input) discard(err error) {
	in.mu.Lock()
	in.data, in.lent, in.err = nil, false, err
	in.serve()
	in.mu.Unlock()
}

// read is what the operations of an Input share: the promise and the way back.
type read[T any] struct {
	promise.Leaf[T]
	in *Input
}

func (r *read[T]) fail(err error) { r.Fail(err) }

// open makes the promise pending; false when the loop is closing.
func (r *read[T]) open(in *Input, c promise.Canceler) bool {
	r.in = in
	return r.Init(in.l.q, c)
}

// Read returns up to n bytes: what is there, or else what comes next, at least one. It is rejected with EOF at the
// end. Lwt_io.read with a count.
func (in *Input) Read(n int) *promise.Promise[[]byte] {
	r := &readSome{n: n}
	if n <= 0 {
		panic("weftio: Input.Read: the count must be positive")
	}
	if r.open(in, r) {
		in.submit(r)
	}
	return r.Promise()
}

type readSome struct {
	read[[]byte]
	n int
}

func (r *readSome) take(in *Input) bool {
	if len(in.data) == 0 {
		return in.over(r)
	}
	n := min(r.n, len(in.data))
	if r.Settle(bytes.Clone(in.data[:n]), nil) {
		in.data = in.data[n:]
	}
	return true
}

// over fails op when nothing will come any more, and reports whether it did.
func (in *Input) over(op readOp) bool {
	if in.err == nil {
		return false
	}
	op.fail(in.err)
	return true
}

// CancelOp implements promise.Canceler.
func (r *readSome) CancelOp(error) { r.in.withdraw(r) }

// ReadInto reads into p and returns the number of bytes, at least one. p must stay untouched until the promise is
// settled. It is rejected with EOF at the end. Lwt_io.read_into.
func (in *Input) ReadInto(p []byte) *promise.Promise[int] {
	r := &readInto{p: p}
	if len(p) == 0 {
		return promise.Resolved(0)
	}
	if r.open(in, r) {
		in.submit(r)
	}
	return r.Promise()
}

type readInto struct {
	read[int]
	p []byte
}

func (r *readInto) take(in *Input) bool {
	if len(in.data) == 0 {
		return in.over(r)
	}
	if !r.Claim() {
		return true // cancelled: its memory is the caller's again
	}
	n := copy(r.p, in.data)
	r.Conclude(n)
	in.data = in.data[n:]
	return true
}

// CancelOp implements promise.Canceler.
func (r *readInto) CancelOp(error) { r.in.withdraw(r) }

// ReadLine returns the next line without its end, which is LF or CRLF. A last line without an end counts; EOF comes only when
// nothing is left. A line of more than 64 KiB is ErrLineTooLong, and stays readable by other means. Lwt_io.read_line.
func (in *Input) ReadLine() *promise.Promise[string] {
	r := &readLine{limit: defaultLineLimit}
	if r.open(in, r) {
		in.submit(r)
	}
	return r.Promise()
}

type readLine struct {
	read[string]
	limit   int
	scanned int // bytes of in.data that hold no line end
}

func (r *readLine) take(in *Input) bool {
	i := bytes.IndexByte(in.data[min(r.scanned, len(in.data)):], '\n')
	switch {
	case i >= 0:
		end := r.scanned + i
		line := bytes.TrimSuffix(in.data[:end], []byte{'\r'})
		if len(line) > r.limit {
			r.Fail(ErrLineTooLong)
		} else if r.Settle(string(line), nil) {
			in.data = in.data[end+1:]
		}
		return true
	case len(in.data) > r.limit+1, in.err == EOF && len(in.data) > r.limit:
		r.Fail(ErrLineTooLong)
		return true
	case in.err == nil:
		r.scanned = len(in.data)
		return false
	case in.err == EOF && len(in.data) > 0:
		if r.Settle(string(in.data), nil) {
			in.data = nil
		}
		return true
	}
	r.Fail(in.err)
	return true
}

// CancelOp implements promise.Canceler.
func (r *readLine) CancelOp(error) { r.in.withdraw(r) }

// ReadAll returns everything up to the end of the input, and no error for that. More than limit bytes are ErrTooLong, and
// stay readable; so do those before a failure. A limit of zero or less means none. Lwt_io.read without a count.
func (in *Input) ReadAll(limit int64) *promise.Promise[[]byte] {
	r := &readAll{limit: limit}
	if r.open(in, r) {
		in.submit(r)
	}
	return r.Promise()
}

type readAll struct {
	read[[]byte]
	limit int64
}

func (r *readAll) take(in *Input) bool {
	switch {
	case r.limit > 0 && int64(len(in.data)) > r.limit:
		r.Fail(ErrTooLong)
		return true
	case in.err == nil:
		return false
	case in.err != EOF:
		r.Fail(in.err)
		return true
	}
	all := in.data
	if in.lent || all == nil {
		all = append([]byte{}, all...)
	}
	if r.Settle(all, nil) {
		in.data = nil
	}
	return true
}

// CancelOp implements promise.Canceler.
func (r *readAll) CancelOp(error) { r.in.withdraw(r) }

// Close drops what is there; further reads are rejected with net.ErrClosed. Of a connection it is CloseRead: writing goes
// on. Lwt_io.close.
func (in *Input) Close() *promise.Promise[promise.Unit] { return in.src.closeRead() }

// Reader returns the channel as std's io.Reader, for code that only reads: its Read awaits ReadInto under ctx, so it is for
// tasks and goroutines. It is for one of them at a time, and allocates nothing for a read.
func (in *Input) Reader(ctx context.Context) *Reader { return &Reader{ctx: ctx, in: in} }

// Reader is an Input as std's io.Reader.
type Reader struct {
	ctx  context.Context
	in   *Input
	op   *readInto // of the last read, to be used again
	busy atomic.Bool
}

var errReaderBusy = errors.New("weftio: Reader.Read: another Read of this Reader has not returned: give each task or goroutine a Reader of its own")

// Read implements io.Reader. It does not touch p any more when it has returned. A Read while another one of the same Reader has not
// returned is an error.
func (r *Reader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if !r.busy.CompareAndSwap(false, true) {
		return 0, errReaderBusy
	}
	defer r.busy.Store(false)
	if r.op == nil {
		r.op = &readInto{}
	}
	r.op.p = p
	if r.op.open(r.in, r.op) {
		r.in.submit(r.op)
	}
	done := r.op.Promise()
	n, err := done.Await(r.ctx)
	if err != nil { // without an outcome where nothing can wait, as in a bare callback
		done.Cancel()
		if late, e, ok := done.Poll(); ok && e == nil {
			n, err = late, nil
		}
	}
	if err != nil {
		r.op = nil // a cancelled one is still on its way out of the queue
		return 0, err
	}
	r.op.p = nil
	return n, nil
}
