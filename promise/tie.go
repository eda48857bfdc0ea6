// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"
)

// tie is a context of this package: what ends it, what its end tells directly, in the order it was tied, and its values. The queue's
// mutex guards what is not atomic.
//
// Once the task that a tie belongs to is over, only the end of a context above ends it. Then what hangs on it hangs on the one above
// in its place, so that tasks which start their successors make no chain.
type tie struct {
	list  ctxList
	up    ctxLink         // its place under the tie above; its cell is the ctxOwner. What is through keeps up.on
	base  context.Context // has the values and the deadline, and is no tie on this loop
	cause error           // why the context ended
	state atomic.Uint32
	done  *doneCell
	std   atomic.Pointer[stdCtx]
}

// Bits of tie.state. They are written while the queue is locked.
const (
	ctxEnded   = 1 << iota // cause is set
	ctxExpired             // the end was a deadline's
	ctxLeft                // what the context was made for is over
	ctxThrough             // and the one above stands for it
	ctxGone                // and the notice of the foreign context above was taken back
)

// ctxOwner is what a tie belongs to, seen by the end of the context above it.
type ctxOwner interface {
	cell
	ended(cause error) // is called once, after those were told that wait for the Done channel
}

// stdCtx is the std context that has the cause for context.Cause.
type stdCtx struct{ context.Context }

func (t *tie) is(bits uint32) bool { return t.state.Load()&bits != 0 }
func (t *tie) set(bits uint32)     { t.state.Store(t.state.Load() | bits) }

// begin ties t to ctx, whose end shall end it. When that is up to a tie of the same loop, begin returns it, and leaves it to the
// caller. It returns the cause when ctx has ended.
func (t *tie) begin(q *Queue, ctx context.Context, owner ctxOwner) (above *tie, cause error) {
	t.list.q, t.list.of, t.up.c = q, t, owner
	above, bare := tieOf(ctx, q)
	t.base = baseOf(ctx, q)
	if above != nil {
		return above, nil
	}
	if bare.Done() == nil {
		return &q.root, nil
	}
	if bare.Err() != nil {
		return nil, context.Cause(bare)
	}
	t.listen()
	return nil, nil
}

// listen has the end of the base, a foreign context, end t.
func (t *tie) listen() {
	q := t.list.q
	stop := context.AfterFunc(t.base, func() {
		t.end(context.Cause(t.base), errors.Is(t.base.Err(), context.DeadlineExceeded))
	})
	q.lock()
	if t.is(ctxEnded) || q.closed.Load() {
		q.unlock()
		stop()
		return
	}
	t.list.stop = stop
	q.foreign.add(&t.list)
	q.unlock()
}

// standing returns the tie that stands for t: t itself unless it is through. q is locked.
func (t *tie) standing() *tie {
	for t.is(ctxThrough) {
		above := t.up.on.of
		if above.is(ctxThrough) {
			t.up.on = above.up.on // halve the path
		}
		t = above
	}
	return t
}

// hang puts k under the context. It returns the cause, and does nothing, when that has ended. The caller, who has locked q, calls
// listen after it has unlocked it if listen is true.
func (t *tie) hang(k *ctxLink) (cause error, listen bool) { //nolint:revive
	t = t.standing()
	if t.cause != nil {
		return t.cause, false
	}
	if t.is(ctxGone) {
		t.state.Store(t.state.Load() &^ ctxGone)
		listen = true
	}
	t.list.push(k)
	return nil, listen
}

// leave is called when what the context was made for is over. q is locked.
func (t *tie) leave() {
	if t.is(ctxLeft) {
		return
	}
	t.set(ctxLeft)
	above := t.up.on
	switch {
	case t.cause != nil:
		t.up.unlink()
		t.list.emptied()
		return
	case t.done != nil:
		t.done.loosen(&t.list)
	}
	switch {
	case above == nil:
		t.list.emptied()
	case above.of.cause == nil: // else its end is on its way
		above.splice(&t.up, &t.list)
		t.up.on = above
		t.set(ctxThrough)
	}
}

// end ends the context, once, and tells what hangs on it. Safe from any goroutine.
func (t *tie) end(cause error, expired bool) {
	q := t.list.q
	q.lock()
	if t.is(ctxEnded | ctxThrough) {
		q.unlock()
		return
	}
	t.cause = cause
	t.set(ctxEnded)
	if expired {
		t.set(ctxExpired)
	}
	var cells []cell
	for k := t.list.first; k != nil; k = k.next {
		cells = append(cells, k.c)
	}
	done := t.done
	q.unlock()
	done.close()
	t.up.c.(ctxOwner).ended(cause)
	slices.Reverse(cells) // the oldest first
	err := endError(cause, expired)
	for _, c := range cells {
		if e, ok := c.(outsider); ok {
			e.end(err)
		} else {
			cancel(c, err)
		}
	}
}

// outsider is what hangs on a context on behalf of code that no loop runs. It hears of the end also when the loop is closed.
type outsider interface {
	ender
	outside()
}

// Deadline returns that of the context above: a ContextTimeout's own is on the loop's clock.
func (t *tie) Deadline() (time.Time, bool) { return t.base.Deadline() }

// Done returns a channel that is closed when the context ends.
func (t *tie) Done() <-chan struct{} {
	t.list.q.lock()
	defer t.list.q.unlock()
	if ch := t.done.channel(); ch != nil {
		return ch
	}
	s := t.standing()
	switch {
	case s.cause != nil:
		return closedChannel
	case s.is(ctxGone):
		return s.base.Done()
	}
	ch := s.done.channel()
	if ch == nil {
		s.done, ch = newDoneCell(s)
	}
	if s != t {
		t.done = s.done
	}
	return ch
}

// Err returns nil until the context has ended.
func (t *tie) Err() error {
	if t.state.Load() == 0 {
		return nil
	}
	t.list.q.lock()
	s := t.standing()
	state := s.state.Load()
	t.list.q.unlock()
	switch {
	case state&ctxExpired != 0:
		return context.DeadlineExceeded
	case state&ctxEnded != 0:
		return context.Canceled
	case state&ctxGone != 0:
		return s.base.Err()
	}
	return nil
}

// reason is context.Cause, nil until the context has ended.
func (t *tie) reason() error {
	if t.state.Load() == 0 {
		return nil
	}
	t.list.q.lock()
	s := t.standing()
	cause := s.cause
	t.list.q.unlock()
	if cause == nil && s.is(ctxGone) {
		return context.Cause(s.base)
	}
	return cause
}

// rootCell is the owner of a loop's own tie.
type rootCell struct{ q *Queue }

func (r rootCell) visit(*search) {}
func (r rootCell) ended(error)   {}
func (r rootCell) queue() *Queue { return r.q }
func (r rootCell) pending() bool { return true }
func (r rootCell) key() any      { return r.q }
func (r rootCell) identity() any { return r.q }

// endContexts ends the contexts that no other is above of, at the end of the loop: of what is over, only what was started under
// it is left.
func (q *Queue) endContexts() {
	q.lock()
	ties := []*tie{&q.root}
	for l := range q.foreign {
		if l.of != nil && l.of.is(ctxLeft) {
			ties = append(ties, l.of)
		}
	}
	q.unlock()
	for _, t := range ties {
		t.end(ErrLoopClosed, false)
	}
}

// tieKey is the key under which a context of this package finds itself.
type tieKey struct{}

// Value returns the loop, or what the base has.
func (t *tie) Value(key any) any {
	switch key {
	case queueKey{}:
		return t.list.q
	case tieKey{}:
		return t
	}
	if s := t.withCause(); s != nil {
		return s.Value(key)
	}
	return t.base.Value(key)
}

// withCause returns a std context that has the cause and the values, nil while the context has not ended, or a foreign one says it.
func (t *tie) withCause() *stdCtx {
	if s := t.std.Load(); s != nil {
		return s
	}
	cause := t.reason()
	if cause == nil {
		return nil
	}
	ctx, end := context.WithCancelCause(context.WithoutCancel(t.base))
	end(cause)
	t.std.CompareAndSwap(nil, &stdCtx{ctx})
	return t.std.Load()
}

// AfterFunc has f called when the context has ended; package context looks for this method when it derives a context.
func (t *tie) AfterFunc(f func()) (stop func() bool) {
	a := &afterFunc{q: t.list.q, f: f}
	a.link.c = a
	a.q.lock()
	s := t.standing()
	cause, listen := s.hang(&a.link)
	a.q.unlock()
	switch {
	case cause != nil:
		go f() // not here: the caller may hold a lock that f takes
		return func() bool { return false }
	case listen:
		s.listen()
	}
	return a.take
}

// afterFunc is a function that waits for the end of a context.
type afterFunc struct {
	q     *Queue
	link  ctxLink
	f     func()
	taken bool
}

// take reports whether the function has yet to be called, and from now on will not be.
func (a *afterFunc) take() bool {
	a.q.lock()
	defer a.q.unlock()
	first := !a.taken
	a.taken = true
	a.link.unlink()
	return first
}

func (a *afterFunc) end(error) {
	if a.take() {
		a.f()
	}
}

func (*afterFunc) outside()          {}
func (a *afterFunc) visit(s *search) { s.end(a) }
func (a *afterFunc) queue() *Queue   { return a.q }
func (a *afterFunc) pending() bool   { return true }
func (a *afterFunc) key() any        { return a }
func (a *afterFunc) identity() any   { return a }

// tieOf returns the tie that ends when ctx does, if that is one on q. bare is ctx itself, without what only says on which
// loop it is.
func tieOf(ctx context.Context, q *Queue) (t *tie, bare context.Context) {
	for {
		switch c := ctx.(type) {
		case *loopCtx:
			ctx = c.Context
			continue
		case *taskCtx:
			t = &c.tie
		case *timeoutCtx:
			t = &c.tie
		case *offloadCtx:
			t = &c.tie
		default:
			t = tieBelow(ctx)
		}
		if t != nil && t.list.q != q {
			t = nil
		}
		return t, ctx
	}
}

// tieBelow returns the tie that ctx, a foreign context, ends with: those between the two add values only.
func tieBelow(ctx context.Context) *tie {
	done := ctx.Done()
	if done == nil {
		return nil
	}
	if t, ok := ctx.Value(tieKey{}).(*tie); ok && t.Done() == done {
		return t
	}
	return nil
}

// baseOf returns where the values of ctx are, without the contexts of this package that have none of their own.
func baseOf(ctx context.Context, q *Queue) context.Context {
	for {
		var t *tie
		switch c := ctx.(type) {
		case *loopCtx:
			if c.name == "" && c.key == nil {
				ctx = c.Context
				continue
			}
		case *taskCtx:
			t = &c.tie
		case *timeoutCtx:
			t = &c.tie
		case *offloadCtx:
			t = &c.tie
		}
		if t == nil || t.list.q != q {
			return ctx
		}
		return t.base
	}
}

// causeOf is context.Cause, for contexts of this package without a detour.
func causeOf(ctx context.Context) error {
	if c, ok := ctx.(*taskCtx); ok {
		return c.tie.reason()
	}
	return context.Cause(ctx)
}
