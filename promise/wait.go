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

	// Set before node is attached; another goroutine reads them with the queue locked, and only while node is.
	p   awaited
	own bool // the wait is under the task's own context

	ended bool      // the context has ended first, and p was given up. While q is locked.
	by    explainer // of that
}

// explain returns the cause that the wait was ended for with what the operation has to say.
func (w *waiter) explain(cause error) error { return explained(w.by, cause) }

func (w *waiter) run() {
	w.ran = true
	if w.co != nil {
		w.co.q.resume(w.co)
	}
}

// remoteWaiter stands in for a waiter on another loop, and sends it to its own.
type remoteWaiter struct {
	node node
	q    *Queue // the promise's; the promise itself may be another one when this runs, see Leaf.Init
	t    *taskCore
}

func (r *remoteWaiter) run() {
	r.q.forget(&r.node)
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
	n, ok := co.attachTo(ctx, p)
	if !ok {
		return nil // p's loop is closed; the outcome says so
	}
	co.waiting = true
	for {
		co.park()
		if perr, settled := p.outcome(); settled && (perr == nil || !co.gaveUp()) {
			co.waiting = false
			co.dropWaiter(n, p)
			return nil
		}
		if err := co.ended(ctx); err != nil {
			co.waiting = false
			if co.gaveUp() {
				err = co.waiter.explain(err)
			} else {
				err = p.withdraw(n, err)
			}
			co.dropWaiter(n, p)
			return err
		}
	}
}

// attachTo puts the task's waiter among p's callbacks; across loops a stand-in.
func (co *coroutine) attachTo(ctx context.Context, p awaited) (*node, bool) {
	w := co.waiter
	w.ran, w.ended, w.by = false, false, nil
	if p.queue() == co.q {
		w.p, w.own = p, ctx == context.Context((*taskCtx)(co.t))
		return &w.node, p.attach(&w.node)
	}
	r := &remoteWaiter{q: p.queue(), t: co.t}
	r.node.cb = r
	return &r.node, p.attachFrom(co.q, &r.node)
}

// endWait ends a wait under a context that has ended: the task's own, or the one that is watched. It returns what is to be
// cancelled: the promise, if nobody else is interested in it. If that were left to the task, an operation might complete
// before the task's next step, and its value be lost. q is locked.
func (co *coroutine) endWait(own bool) (p awaited) {
	if w := co.waiter; w.node.place == attached && w.own == own {
		w.ended, w.by = true, w.p.explainer()
		if w.p.giveUp(&w.node) {
			p = w.p
		}
	}
	co.notify()
	return p
}

// gaveUp reports whether the end of the context has ended the wait already, and so may have cancelled what it was for.
func (co *coroutine) gaveUp() bool {
	co.q.lock()
	defer co.q.unlock()
	return co.waiter.ended
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
		fresh := &waiter{co: co}
		fresh.node.cb = fresh
		co.q.lock()
		co.waiter = fresh
		co.q.unlock()
	}
	co.waiter.p, co.waiter.by = nil, nil // they may be collected
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
	return p.withdraw(&node{}, err)
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
		w.link.c = (*waitCell)(co)
		co.q.lock()
		t = t.standing()
		cause, listen := t.hang(&w.link)
		if cause != nil {
			co.notify() // the wait has not begun
		}
		co.q.unlock()
		if listen {
			t.listen()
		}
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

// visit ends a wait under the watched context, which has ended.
func (w *waitCell) visit(s *search) {
	if p := (*coroutine)(w).endWait(false); p != nil {
		s.push(p)
	}
}

func (w *waitCell) queue() *Queue { return w.q }
func (w *waitCell) pending() bool { return true }
func (w *waitCell) key() any      { return w }
func (w *waitCell) identity() any { return w }
