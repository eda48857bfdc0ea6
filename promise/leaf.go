// SPDX-License-Identifier: MIT

package promise

import "context"

// Leaf is a promise made to be embedded in the operation that settles it, so that an operation is one object. Its zero
// value is not usable: call Init.
type Leaf[T any] struct {
	p  Promise[T]
	op Canceler
}

// Init makes the leaf pending on q's loop. c is told when the promise is cancelled; with a nil c the promise is not
// cancelable. It returns false when the loop is closing, and the promise is then rejected with ErrLoopClosed.
// Safe from any goroutine, before the promise is handed out.
//
// An operation may be used again: Init on a leaf whose promise has settled makes a fresh promise in its place. Whoever still
// holds the old one would take it for the new one; so that is for promises which their only user has awaited.
func (l *Leaf[T]) Init(q *Queue, c Canceler) bool {
	if l.p.q != nil {
		l.renew()
	}
	l.p.q = q
	l.p.made()
	if q.closing.Load() {
		return l.p.stillborn(ErrLoopClosed)
	}
	if l.op = c; c != nil {
		l.p.from = l
	}
	return true
}

func (l *Leaf[T]) renew() {
	if l.Pending() {
		panic("promise: Leaf.Init: the promise is pending: settle it before the operation is used again")
	}
	var zero T
	l.p.val, l.p.err, l.p.from = zero, nil, nil
	l.p.fwd.Store(nil)
	l.p.state.Store(0)
	l.op = nil
}

// Follow has the end of ctx cancel the promise. It returns false when ctx has ended already, and the promise is then
// rejected. It is for operations that start with a ctx, right after Init.
func (l *Leaf[T]) Follow(ctx context.Context) bool {
	f := &follower[T]{leaf: l}
	l.p.from = f
	return l.p.follow(ctx, &f.link)
}

// follower is the source of a leaf that its context ends. It is an object of its own since few operations need it.
type follower[T any] struct {
	leaf *Leaf[T]
	link ctxLink
}

func (f *follower[T]) seek(s *search) fate { return f.leaf.seek(s) }
func (f *follower[T]) release()            { f.link.unlink() }

func (f *follower[T]) describe(cause error) error { return f.leaf.describe(cause) }

// Fail rejects the promise with err: for an operation that could not start. It is Settle without a value.
func (l *Leaf[T]) Fail(err error) bool {
	var zero T
	return l.p.settle(zero, err)
}

// FailQuietly is Fail for an error that its user has been told before: where nobody looks at it, nobody hears of it.
func (l *Leaf[T]) FailQuietly(err error) bool {
	var zero T
	return l.p.settleIn(zero, err, mannerOf(err).quietly())
}

// Observed reports whether somebody has looked at the promise's outcome, or waits for it. Safe from any goroutine.
func (l *Leaf[T]) Observed() bool {
	q := l.p.q
	q.lock()
	defer q.unlock()
	r := l.p.root()
	return r.state.Load()&wasObserved != 0 || r.list.interest()
}

// Settle rejects the promise with err when that is not nil and fulfils it with v otherwise; false when it was settled
// already, because it was cancelled or the loop closed. Safe from any goroutine.
func (l *Leaf[T]) Settle(v T, err error) bool { return l.p.settle(v, err) }

// Claim is the first half of a Settle whose value is written to memory of the caller's, as that of a read into a buffer: it returns
// false when the promise was settled already. After true nothing else can settle the promise, the memory may be written, and Conclude has to
// follow at once: the loop is locked in between, so that a Cancel waits, and finds the promise fulfilled. Nothing else of this package may
// be called there. Safe from any goroutine.
func (l *Leaf[T]) Claim() bool {
	q := l.p.q
	if q == nil {
		return false
	}
	q.lock()
	if l.p.isSettled() || q.closed.Load() {
		q.unlock()
		return false
	}
	return true
}

// Conclude fulfils a promise after Claim.
func (l *Leaf[T]) Conclude(v T) {
	q := l.p.q
	l.p.root().fill(v, nil, mannerOf(nil))
	q.unlock()
}

// Promise returns the leaf as what users see.
func (l *Leaf[T]) Promise() *Promise[T] { return &l.p }

// Pending reports whether nothing has settled the promise yet.
func (l *Leaf[T]) Pending() bool { return l.p.State() == StatePending }

func (l *Leaf[T]) seek(s *search) fate {
	if l.op == nil {
		return passed // not cancelable, not by its context either
	}
	s.stop(l.op)
	return leaf
}

func (l *Leaf[T]) describe(cause error) error {
	if e, ok := l.op.(Explainer); ok {
		return e.Explain(cause)
	}
	return cause
}
