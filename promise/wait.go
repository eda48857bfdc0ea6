// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"reflect"
)

// waiter is a task's place among the callbacks of the promise it awaits. co is nil once the task has given up on it.
type waiter struct {
	node node
	co   *coroutine
	ran  bool // since it was attached last
}

func (w *waiter) run() {
	w.ran = true
	if w.co != nil {
		w.co.q.resume(w.co)
	}
}

// remoteWaiter stands in for a waiter on another loop, and sends it to its own.
type remoteWaiter struct {
	node node
	p    awaited
	t    *taskCore
}

func (r *remoteWaiter) run() {
	r.p.queue().forget(&r.node)
	r.t.interrupt()
}

// watch is a task's registration with the context it awaits under, kept from one Await to the next.
type watch struct {
	ctx        context.Context
	comparable bool        // ctx may be compared
	link       ctxLink     // its place under a context of this package
	stop       func() bool // takes the notice of any other back
}

// await parks the task until p has an outcome (nil), or ctx or the loop ends.
func (co *coroutine) await(ctx context.Context, p awaited) error {
	if co.q.closing.Load() || ctx.Err() != nil {
		return co.awaitEnded(ctx, p)
	}
	if ctx != context.Context((*taskCtx)(co.t)) && !co.watching(ctx) {
		co.rewatch(ctx)
	}
	n, ok := co.attachTo(p)
	if !ok {
		return nil // p's loop is closed; the outcome says so
	}
	co.waiting = true
	for {
		co.park()
		if _, settled := p.outcome(); settled {
			co.waiting = false
			co.dropWaiter(n, p)
			return nil
		}
		if err := co.ended(ctx); err != nil {
			co.waiting = false
			if p.withdraw(n, err) {
				err = nil
			}
			co.dropWaiter(n, p)
			return err
		}
	}
}

// attachTo puts the task's waiter among p's callbacks; across loops a stand-in.
func (co *coroutine) attachTo(p awaited) (*node, bool) {
	if p.queue() == co.q {
		co.waiter.ran = false
		return &co.waiter.node, p.attach(&co.waiter.node)
	}
	r := &remoteWaiter{p: p, t: co.t}
	r.node.cb = r
	return &r.node, p.attachFrom(co.q, &r.node)
}

// dropWaiter ends a wait. A waiter that is still on the run queue, because something else ended the wait, is left there for
// good and replaced.
func (co *coroutine) dropWaiter(n *node, p awaited) {
	w := co.waiter
	switch {
	case n != &w.node:
		p.detach(n, false)
	case !w.ran && n.place != nowhere:
		w.co = nil
		co.waiter = &waiter{co: co}
		co.waiter.node.cb = co.waiter
	}
}

// ended returns why a wait under ctx has to end, nil when it has not.
func (co *coroutine) ended(ctx context.Context) error {
	if co.q.closing.Load() {
		return ErrLoopClosed
	}
	if ctx.Err() != nil {
		return causeOf(ctx)
	}
	return nil
}

// awaitEnded is await when ctx or the loop has ended: it does not wait for p, but lets the loop take a step.
func (co *coroutine) awaitEnded(ctx context.Context, p awaited) error {
	co.pause()
	err := co.ended(ctx)
	if p.withdraw(&node{}, err) {
		return nil
	}
	return err
}

// pause has the loop run what else is queued before it resumes the task.
func (co *coroutine) pause() {
	co.waiting = true
	co.t.interrupt()
	co.park()
	co.waiting = false
}

// step is pause for an Await of a settled promise in a task whose ctx has ended, so that a task that ignores its errors cannot
// hold the loop. Elsewhere the task's ctx says nothing of the caller, and step does nothing.
func (c *taskCore) step() {
	if q, nested := locate(); q == c.q && !nested && q.cur != nil && q.cur.t == c {
		q.cur.pause()
	}
}

// watching reports whether the end of ctx interrupts the task already.
func (co *coroutine) watching(ctx context.Context) bool {
	return co.watch != nil && co.watch.comparable && co.watch.ctx == ctx
}

// rewatch has the end of ctx interrupt the task's waits.
func (co *coroutine) rewatch(ctx context.Context) {
	co.unwatch()
	if co.watch == nil {
		co.watch = &watch{}
	}
	w := co.watch
	if t, bare := tieOf(ctx, co.q); t != nil {
		co.q.lock()
		if t.cause != nil {
			co.notify()
		} else {
			w.link.c = (*waitCell)(co)
			t.list.push(&w.link)
		}
		co.q.unlock()
	} else if bare.Done() == nil {
		return
	} else {
		w.stop = context.AfterFunc(bare, co.t.interrupt)
	}
	w.ctx, w.comparable = ctx, reflect.TypeOf(ctx).Comparable()
}

func (co *coroutine) unwatch() {
	w := co.watch
	if w == nil {
		return
	}
	if w.stop != nil {
		w.stop()
	}
	if w.link.c != nil {
		co.q.lock()
		w.link.unlink()
		co.q.unlock()
	}
	*w = watch{}
}

// waitCell is a task's wait, seen by the end of the context it is under.
type waitCell coroutine

func (w *waitCell) visit(*search) { (*coroutine)(w).notify() }
func (w *waitCell) queue() *Queue { return w.q }
func (w *waitCell) pending() bool { return true }
func (w *waitCell) key() any      { return w }
