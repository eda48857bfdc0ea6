// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/promise"
)

// settles has promises settled at about the time at which their readers give up. Where Resolve says that a value was taken, a reader
// must have it; where a reader has a value, its Resolve has said so.
func settles(w *worker) {
	kinds := []func(w *worker){timedOut, picked, chained, awaited, crossed}
	for range 1 + w.rnd.IntN(20) {
		kinds[w.rnd.IntN(len(kinds))](w)
	}
}

// resolve resolves r elsewhere; the channel says whether the value was taken.
func (w *worker) resolve(r *promise.Resolver[int], v int) <-chan bool {
	taken := make(chan bool, 1)
	w.elsewhere(func() { taken <- r.Resolve(v) })
	return taken
}

// agree checks that a value was taken if and only if the reader has it.
func (w *worker) agree(reader string, taken bool, err error) {
	if taken != (err == nil) && !(w.closing && errors.Is(err, promise.ErrLoopClosed)) {
		w.fail("Resolve returned %v, and %s has got the error %v", taken, reader, err)
	}
}

func timedOut(w *worker) {
	p, r := promise.New[int](w.ctx)
	reader := promise.WithTimeout(w.ctx, w.upTo(2*time.Millisecond), p)
	if w.one(3) {
		reader = promise.WithTimeout(w.ctx, w.upTo(2*time.Millisecond), reader)
	}
	taken := w.resolve(r, 1)
	_, err := await(context.Background(), w, "a WithTimeout", reader)
	w.agree("WithTimeout", <-taken, err)
}

// picked has several promises of a Pick settled, often in one callback: one of their values counts, and no other is taken.
func picked(w *worker) {
	ps, rs := make([]*promise.Promise[int], 2+w.rnd.IntN(3)), []*promise.Resolver[int]{}
	for i := range ps {
		p, r := promise.New[int](w.ctx)
		ps[i], rs = p, append(rs, r)
	}
	reader := promise.Pick(ps...)
	var taken atomic.Int32
	var last atomic.Int64
	take := func(i int) {
		if rs[i].Resolve(i) {
			taken.Add(1)
			last.Store(int64(i))
		}
	}
	if w.one(2) {
		w.elsewhere(func() {
			for i := range rs {
				take(i)
			}
		})
	} else {
		for i := range rs {
			w.elsewhere(func() { take(i) })
		}
	}
	v, err := await(context.Background(), w, "a Pick", reader)
	w.errands.Wait()
	switch n := taken.Load(); {
	case w.closing && errors.Is(err, promise.ErrLoopClosed):
	case n != 1 || err != nil || int64(v) != last.Load():
		w.fail("a Pick took %d values, the last one %d, and returned %d, %v", n, last.Load(), v, err)
	}
}

// chained cancels what a callback makes of a promise. Once the promise has a value, the callback must get it.
func chained(w *worker) {
	p, r := promise.New[int](w.ctx)
	got, gets := promise.New[int](w.ctx)
	var result promise.Awaitable
	var cancel func()
	switch w.rnd.IntN(4) {
	case 0:
		m := promise.Map(p, func(v int) (int, error) { gets.Resolve(v); return v, nil })
		result, cancel = m, m.Cancel
	case 1:
		b := promise.Bind(p, func(v int) *promise.Promise[int] { gets.Resolve(v); return promise.Resolved(v) })
		result, cancel = b, b.Cancel
	case 2:
		t := promise.Then(p, func(v int) *promise.Promise[int] { gets.Resolve(v); return promise.Resolved(v) }, promise.Rejected[int])
		result, cancel = t, t.Cancel
	case 3:
		m := promise.Map(promise.Map(p, func(v int) (int, error) { return v, nil }), func(v int) (int, error) { gets.Resolve(v); return v, nil })
		result, cancel = m, m.Cancel
	}
	taken := make(chan bool, 1)
	if w.one(2) {
		w.elsewhere(func() { taken <- r.Resolve(1); cancel() })
	} else {
		w.elsewhere(func() { taken <- r.Resolve(1) })
		w.elsewhere(cancel)
	}
	_ = w.settled("what a callback made", result)
	if <-taken {
		_ = w.settled("the callback of a promise that has a value", got.NoCancel())
	}
	gets.Resolve(0)
}

// awaited cancels the ctx of an Await, in a task or on a goroutine.
func awaited(w *worker) {
	p, r := promise.New[int](w.ctx)
	var err error
	var taken <-chan bool
	read := func(ctx context.Context) error {
		_, err = await(ctx, w, "an Await under a ctx that ends", p)
		return nil
	}
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	if w.one(2) {
		ctx, cancel = promise.ContextTimeout(w.ctx, w.upTo(2*time.Millisecond))
		defer cancel()
	}
	taken = w.resolve(r, 1)
	w.elsewhere(cancel)
	if w.one(2) {
		if terr := w.settled("a task that awaits", promise.Go(w.ctx, func(context.Context) error { return read(ctx) })); terr != nil {
			return // the task has not begun: the loop is closed
		}
	} else {
		_ = read(ctx)
	}
	w.agree("Await", <-taken, err)
}

// crossed derives promises of one loop from those of the other and cancels them. All settle, and a callback gets the value there is.
func crossed(w *worker) {
	p, r := promise.New[int](w.ctx)
	q, s := promise.New[int](w.context(1 - w.home))
	got, gets := promise.New[int](w.ctx)
	bound := promise.Bind(p, func(v int) *promise.Promise[int] { gets.Resolve(v); return q })
	both := promise.Both(bound, promise.Map(q, func(v int) (int, error) { return v, nil }))
	first := promise.Pick(bound.Protected(), q.Protected())
	timed := promise.WithTimeout(w.context(1-w.home), w.upTo(2*time.Millisecond), bound.Protected())
	taken := w.resolve(r, 1)
	w.elsewhere(func() { s.Resolve(2) })
	if w.one(3) {
		w.elsewhere(both.Cancel)
	}
	if w.one(3) {
		w.elsewhere(bound.Cancel)
	}
	for _, p := range []promise.Awaitable{bound, both, first, timed} {
		_ = w.settled("a promise derived from those of two loops", p)
	}
	if <-taken {
		_ = w.settled("the callback of a promise that has a value", got.NoCancel())
	}
}
