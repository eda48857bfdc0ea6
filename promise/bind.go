// SPDX-License-Identifier: MIT

package promise

import (
	"errors"
)

var errNilPromise = errors.New("promise: the callback returned a nil promise: return promise.Resolved(v) or promise.Rejected(err)")

// Bind returns a promise for what f's promise will be: when p fulfils, f runs with its value, and the result becomes
// whatever f returns. When p rejects, f never runs and the result is rejected with the same error. A panic in f rejects the
// result with a *PanicError. Lwt.bind.
//
// f runs on p's loop, never inside this call. A promise without a loop, as Resolved makes it, has f run on the loop that
// the caller is on; off any loop, f runs before Bind returns.
//
// # Cancellation
//
// Cancel goes to p while that is pending, and then to the promise that f returns. Once p is fulfilled, f runs with its
// value whatever happens to the result, so that no value is lost; a cancellation then waits for the promise of f, also one
// that comes from f itself.
func Bind[A, B any](p *Promise[A], f func(A) *Promise[B]) *Promise[B] {
	if p == nil || f == nil {
		panic("promise: Bind: the promise or the function is nil")
	}
	return chain(p, f, nil)
}

// Then is Bind with a second function for a rejection. Exactly one of the two runs, and an error in ok does not reach fail.
// Lwt.try_bind.
func Then[A, B any](p *Promise[A], ok func(A) *Promise[B], fail func(error) *Promise[B]) *Promise[B] {
	if p == nil || ok == nil || fail == nil {
		panic("promise: Then: the promise or a function is nil")
	}
	return chain(p, ok, fail)
}

// Catch returns a promise that is fulfilled as p is, and otherwise becomes what f returns for p's error. Lwt.catch.
func (p *Promise[T]) Catch(f func(error) *Promise[T]) *Promise[T] {
	p.must("Catch")
	if f == nil {
		panic("promise: Catch: the function is nil")
	}
	return chain(p, nil, f)
}

// chained is the result of Bind, Then or Catch: the promise, its place among p's callbacks, and where Cancel goes, in
// one object. It is the model of all derived promises here; the others differ in run only.
type chained[A, B any] struct {
	Promise[B]
	node node
	in   *Promise[A]
	ok   func(A) *Promise[B]     // nil: the value is handed on (and then A is B)
	fail func(error) *Promise[B] // nil: the error is handed on
}

func chain[A, B any](p *Promise[A], ok func(A) *Promise[B], fail func(error) *Promise[B]) *Promise[B] {
	q := home(p)
	if q == nil {
		return inline(p, ok, fail)
	}
	c := &chained[A, B]{in: p, ok: ok, fail: fail}
	c.node.cb = c
	c.q = q
	c.from = c
	c.made()
	if !attachTo(q, p, &c.node) {
		c.stillborn(ErrLoopClosed)
	}
	return &c.Promise
}

// run is called on the loop when in has settled.
func (c *chained[A, B]) run() {
	in := c.in
	v, err, _ := in.peek()
	switch {
	case err != nil && c.fail == nil:
		var zero B
		c.settleInStep(zero, err)
	case err == nil && c.ok == nil:
		c.adopt(any(in).(*Promise[B]))
	default:
		c.adopt(c.call(v, err))
	}
	// No search comes by c any more. The input may be collected while the inner promise is pending.
	c.in, c.ok, c.fail = nil, nil, nil
}

// call runs the user's function; what ends it early becomes the rejection of the promise it returns.
func (c *chained[A, B]) call(v A, err error) (inner *Promise[B]) {
	returned := false
	defer func() {
		if returned {
			return
		}
		var zero B
		if r := recover(); r != nil {
			inner = handed[B](newPanicError(r))
		} else {
			c.settle(zero, ErrGoexit)
		}
	}()
	if err != nil {
		inner = c.fail(err)
	} else {
		inner = c.ok(v)
	}
	returned = true
	return inner
}

func (c *chained[A, B]) describe() string { return "of Bind" }

// seek sends a cancellation to the input while that is pending. Once it has settled, the callback gets its outcome
// whatever happens to the result: the cancellation waits for the promise that the callback returns.
func (c *chained[A, B]) seek(s *search) fate {
	if !s.into(c.in) {
		c.root().from = s.wait()
	}
	return passed
}

// home returns the loop of a promise that is derived from p: p's own, else the one whose code the caller is, else nil.
func home[T any](p *Promise[T]) *Queue {
	if p.q != nil {
		return p.q
	}
	q, _ := locate()
	return q
}

// attachTo has n run on q after p settles, where q is home(p). It returns false when q is closed.
func attachTo[T any](q *Queue, p *Promise[T], n *node) bool {
	if p.q == nil {
		return q.enqueue(n)
	}
	return p.attach(n)
}

// inline is chain for a settled promise on no loop, off any loop.
func inline[A, B any](p *Promise[A], ok func(A) *Promise[B], fail func(error) *Promise[B]) *Promise[B] {
	v, err, _ := p.peek()
	switch {
	case err != nil && fail == nil:
		return Rejected[B](err)
	case err == nil && ok == nil:
		return any(p).(*Promise[B])
	}
	var inner *Promise[B]
	perr := protect(func() {
		if err != nil {
			inner = fail(err)
		} else {
			inner = ok(v)
		}
	}, nil)
	switch {
	case perr != nil:
		return Rejected[B](perr)
	case inner == nil:
		return Rejected[B](errNilPromise)
	}
	return inner
}
