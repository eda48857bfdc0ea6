// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"errors"
)

// ctxLink ties a promise to the context it was started with, whose end cancels it. The mutex of the promise's queue
// guards it.
type ctxLink struct {
	next, prev *ctxLink
	on         *ctxList
	c          cell
}

// ctxList is what hangs on one context: on a task's, all of its promises; on any other, a single one.
type ctxList struct {
	first *ctxLink
	q     *Queue
	of    *tie        // nil: the list of one promise under a foreign context
	stop  func() bool // takes a foreign context's notice back
}

func (l *ctxList) push(k *ctxLink) {
	k.on = l
	k.next = l.first
	if l.first != nil {
		l.first.prev = k
	}
	l.first = k
}

// unlink forgets the context. The queue is locked.
func (k *ctxLink) unlink() {
	if l := k.on; l != nil {
		l.remove(k)
		l.emptied()
	}
}

// emptied takes the notice of a foreign context back once nobody needs it.
func (l *ctxList) emptied() {
	if l.first != nil || l.stop == nil || l.of != nil && !l.of.is(ctxLeft) {
		return
	}
	// Not here: a foreign context may hold a lock of its own while it calls into this queue.
	s := &stopNotice{stop: l.stop}
	s.node.cb = s
	l.q.push(&s.node)
	l.q.foreign.remove(l)
	l.stop = nil
	if l.of != nil {
		l.of.set(ctxGone)
	}
}

// remove takes k, which is on l, off it.
func (l *ctxList) remove(k *ctxLink) {
	if k.prev != nil {
		k.prev.next = k.next
	} else {
		l.first = k.next
	}
	if k.next != nil {
		k.next.prev = k.prev
	}
	k.next, k.prev, k.on = nil, nil, nil
}

// splice puts all that is on m in the place of k, which is on l.
func (l *ctxList) splice(k *ctxLink, m *ctxList) {
	for c := m.first; c != nil; {
		next := c.next
		c.on, c.next, c.prev = l, k, k.prev
		if k.prev != nil {
			k.prev.next = c
		} else {
			l.first = c
		}
		k.prev = c
		c = next
	}
	m.first = nil
	l.remove(k)
}

type stopNotice struct {
	node node
	stop func() bool
}

func (s *stopNotice) run()       { s.stop() }
func (s *stopNotice) housekeep() {}

// foreignList is every notice that contexts of others owe a queue: its end takes them back.
type foreignList map[*ctxList]struct{}

func (f *foreignList) add(l *ctxList) {
	if *f == nil {
		*f = foreignList{}
	}
	(*f)[l] = struct{}{}
}

func (f foreignList) remove(l *ctxList) { delete(f, l) }

// follow has the end of ctx cancel p, a fresh promise that nobody else has, whose source unlinks k
// when p settles. It returns false when ctx has ended, and p is rejected then.
func (p *Promise[T]) follow(ctx context.Context, k *ctxLink) bool {
	cause, ok := p.tieTo(ctx, k)
	if cause != nil {
		var zero T
		p.settle(zero, p.explain(canceled(cause)))
	}
	return ok
}

// tieTo has the end of ctx cancel p. It returns the cause when ctx has ended; then, and when p has settled, ok is false.
func (p *Promise[T]) tieTo(ctx context.Context, k *ctxLink) (cause error, ok bool) { //nolint:revive
	t, ctx := tieOf(ctx, p.q)
	if t != nil {
		return p.followTie(t, k)
	}
	if ctx.Done() == nil {
		return nil, true
	}
	if ctx.Err() != nil {
		return context.Cause(ctx), false
	}
	stop := context.AfterFunc(ctx, func() {
		cancel(p, endError(context.Cause(ctx), errors.Is(ctx.Err(), context.DeadlineExceeded)))
	})
	p.q.lock()
	if p.isSettled() || p.q.closed.Load() {
		p.q.unlock()
		stop()
		return nil, false
	}
	k.c = p
	l := &ctxList{q: p.q, stop: stop}
	l.push(k)
	p.q.foreign.add(l)
	p.state.Store(p.state.Load() | hasRelease)
	p.q.unlock()
	return nil, true
}

func (p *Promise[T]) followTie(t *tie, k *ctxLink) (cause error, ok bool) { //nolint:revive
	k.c = p
	p.q.lock()
	if p.isSettled() {
		p.q.unlock()
		return nil, false
	}
	t = t.standing()
	cause, listen := t.hang(k)
	if cause == nil {
		p.state.Store(p.state.Load() | hasRelease)
	}
	p.q.unlock()
	if listen {
		t.listen()
	}
	return cause, cause == nil
}

// WithContext returns a promise that has p's outcome, on ctx's loop (p's, when ctx carries none). When ctx ends first, it is
// cancelled with ctx's cause, and so is p, as Cancel would: if p has settled by then after all, it has p's outcome.
func WithContext[T any](ctx context.Context, p *Promise[T]) *Promise[T] {
	if p == nil {
		panic("promise: WithContext: the promise is nil")
	}
	q := QueueFrom(ctx)
	if q == nil {
		q = p.q
	}
	if p.State() != StatePending {
		if p.q == q {
			return p
		}
		w := &Promise[T]{q: q}
		v, err, _ := p.peek()
		w.born(v, err)
		return w
	}
	w := &withContext[T]{in: p}
	w.q, w.node.cb, w.from, w.node.concludes = q, w, w, true
	w.state.Store(hasRelease)
	w.made()
	if q.closing.Load() {
		w.stillborn(ErrLoopClosed)
		return &w.Promise
	}
	if !p.attachFrom(q, &w.node) {
		w.run()
	}
	if cause, _ := w.tieTo(ctx, &w.link); cause != nil {
		cancel(w, cause)
	}
	return &w.Promise
}

type withContext[T any] struct {
	Promise[T]
	node node
	link ctxLink
	in   *Promise[T]
}

func (w *withContext[T]) run() {
	w.in.ran(w.q, &w.node)
	v, err, _ := w.in.peek()
	w.settle(v, err)
}

func (w *withContext[T]) conclude() { w.settleAs(w.in) }

// seek rejects w and cancels its promise at once. When that lives on another loop, it is cancelled first, and may have
// settled.
func (w *withContext[T]) seek(s *search) fate {
	if w.in.q != w.q {
		s.end(w)
		return passed
	}
	if s.into(w.in) {
		return leaf
	}
	return passed
}

// end cancels a promise of another loop, and settles w as that is then.
func (w *withContext[T]) end(err error) {
	cancel(w.in, err)
	v, perr, settled := w.in.peek()
	if !settled {
		perr = err
	}
	w.settle(v, perr)
}

func (w *withContext[T]) release() {
	w.link.unlink()
	w.q.detachInput(w.in, &w.node, false)
}
