// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"sync/atomic"
)

// Unit is the value of a promise that only says when.
type Unit = struct{}

// State is where a promise stands. It leaves StatePending once and for good.
type State uint8

// The states of a promise.
const (
	StatePending State = iota
	StateFulfilled
	StateRejected
)

// String returns the state's name in lower case.
func (s State) String() string {
	return [...]string{"pending", "fulfilled", "rejected"}[s]
}

// Promise is the read end of a value that arrives later: pending, then fulfilled with a value or rejected with an error.
// All of its methods are safe from any goroutine. A promise must not be copied.
type Promise[T any] struct {
	// val and err are written once, before state says so, and read without the lock afterwards.
	val T
	err error

	q     *Queue                     // the loop whose mutex guards this cell; nil: settled from birth, on no loop
	fwd   atomic.Pointer[Promise[T]] // set once: this cell was merged into that one, on the same loop
	state atomic.Uint32              // a State and flags; written with q locked while pending
	mark  uint32                     // the last cancel search that came by
	list  list                       // callbacks of a pending promise, in the order attached
	from  source                     // where Cancel goes; nil: nowhere
}

// Flags beside the State in Promise.state.
const (
	stateMask   = 3
	hasOnCancel = 1 << 2 // the list holds OnCancel callbacks
	hasRelease  = 1 << 3 // from wants to know that the promise settled
	wantsReport = 1 << 4 // a rejection that nobody looks at goes to the loop's handler
	wasObserved = 1 << 5 // somebody looked at the outcome, or will
	hasNote     = 1 << 6 // from holds the note of a rejection that nobody had looked at when it came
	viewOnly    = 1 << 7 // NoCancel's: another name for the cell at fwd, by which it cannot be cancelled

	hasConclusion = 1 << 8 // the list holds conclusions
	mannerShift   = 9      // from here on: the manner of a rejection
)

// Resolver is the write end of a promise made by New. Its methods are safe from any goroutine.
type Resolver[T any] struct {
	p    Promise[T]
	link ctxLink
}

// New returns a pending promise on ctx's loop, and the resolver that settles it. The promise is cancelable: Cancel,
// and the end of ctx, reject it. (p.NoCancel() gives what Lwt calls wait.) Without a loop in ctx the promise
// is rejected with ErrNoLoop. Lwt.task.
func New[T any](ctx context.Context) (*Promise[T], *Resolver[T]) {
	r := &Resolver[T]{}
	if r.p.init(ctx, r) {
		r.p.follow(ctx, &r.link)
	}
	return &r.p, r
}

// Resolve fulfils the promise with v. It returns false when the promise was settled already.
func (r *Resolver[T]) Resolve(v T) bool { return r.p.settle(v, nil) }

// Reject rejects the promise with err, which must not be nil. It returns false when the promise was settled already.
func (r *Resolver[T]) Reject(err error) bool {
	if err == nil {
		panic("promise: Resolver.Reject: the error is nil: use Resolve")
	}
	var zero T
	return r.p.settle(zero, err)
}

// Settle rejects the promise with err when that is not nil, and fulfils it with v otherwise. It returns false when the
// promise was settled already.
func (r *Resolver[T]) Settle(v T, err error) bool { return r.p.settle(v, err) }

// Canceled reports whether the promise was cancelled, so that a producer may stop.
func (r *Resolver[T]) Canceled() bool {
	_, err, ok := r.p.peek()
	return ok && err != nil && isCanceled(err)
}

func (r *Resolver[T]) seek(*search) fate { return leaf }
func (r *Resolver[T]) release()          { r.link.unlink() }

// Resolved returns a promise that is fulfilled with v. It belongs to no loop. Lwt.return.
func Resolved[T any](v T) *Promise[T] {
	p := &Promise[T]{val: v}
	p.state.Store(uint32(StateFulfilled))
	return p
}

// Rejected returns a promise that is rejected with err, which must not be nil. It belongs to no loop. Lwt.fail.
func Rejected[T any](err error) *Promise[T] {
	if err == nil {
		panic("promise: Rejected: the error is nil: use Resolved")
	}
	p := &Promise[T]{}
	p.stillborn(err)
	return p
}

// handed is Rejected for a promise that is looked at for certain.
func handed[T any](err error) *Promise[T] {
	p := &Promise[T]{err: err}
	p.state.Store(uint32(StateRejected) | wasObserved | uint32(mannerOf(err))<<mannerShift)
	return p
}

// From returns a promise that is rejected with err when that is not nil, and fulfilled with v otherwise. Lwt.of_result.
func From[T any](v T, err error) *Promise[T] {
	if err != nil {
		return Rejected[T](err)
	}
	return Resolved(v)
}

// Poll returns the outcome, and ok false while there is none. A promise still pending on a closed loop reads as rejected
// with ErrLoopClosed.
func (p *Promise[T]) Poll() (v T, err error, ok bool) { //nolint:revive // the order reads as (value, error), then ok
	p.must("Poll")
	return p.peek()
}

// State returns where the promise stands, without looking at its outcome.
func (p *Promise[T]) State() State {
	p.must("State")
	r := p.root()
	if s := State(r.state.Load() & stateMask); s != StatePending {
		return s
	}
	if !r.q.closed.Load() {
		return StatePending
	}
	// Settled just before the loop closed, or never.
	if s := State(r.state.Load() & stateMask); s != StatePending {
		return s
	}
	return StateRejected
}

// must panics for a call on a nil promise.
func (p *Promise[T]) must(call string) {
	if p == nil {
		panicNilPromise(call)
	}
}

func panicNilPromise(call string) {
	panic("promise: " + call + ": the promise is nil: a function that returns one returns promise.Resolved(v) or promise.Rejected(err) instead")
}

// init makes p a pending promise on ctx's loop whose cancellation goes to from. It returns false when it had to reject p.
func (p *Promise[T]) init(ctx context.Context, from source) bool {
	q := QueueFrom(ctx)
	if q == nil {
		return p.stillborn(ErrNoLoop)
	}
	p.q = q
	p.from = from
	p.made()
	if q.closing.Load() {
		return p.stillborn(ErrLoopClosed)
	}
	return true
}

// born settles p before anybody has seen it.
func (p *Promise[T]) born(v T, err error) {
	from := p.from
	p.from = nil
	if err == nil {
		p.val = v
		p.state.Store(p.state.Load() | uint32(StateFulfilled))
		return
	}
	p.err = err
	m := mannerOf(err)
	s := p.state.Load() | uint32(m)<<mannerShift
	if m.reported() {
		s |= p.bornUnseen(err, from)
	}
	p.state.Store(s | uint32(StateRejected))
}

// bornUnseen notes a rejection that comes before anybody could look. It returns the flag that says so.
func (p *Promise[T]) bornUnseen(err error, from source) uint32 {
	q := p.q
	if q != nil {
		q.lock()
		defer q.unlock()
		if q.closed.Load() {
			return 0
		}
	}
	u := p.note(err, from)
	p.from = u
	p.watch(u)
	return hasNote
}

// stillborn is born for a promise that is rejected instead of what it was made for. It returns false.
func (p *Promise[T]) stillborn(err error) bool {
	if p.q != nil {
		p.q.made.Add(-1)
	}
	var zero T
	p.born(zero, err)
	return false
}
