// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"reflect"
)

// waiter is a task's place among the callbacks of the promise it awaits. t is nil once the task has given up on it.
type waiter struct {
	node node
	t    *taskCore
	ran  bool // since it was attached last
}

func (w *waiter) run() {
	w.ran = true
	if w.t != nil {
		w.t.q.resume(w.t)
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
	comparable bool // ctx may be compared
	stop       func() bool
}

// await parks the task until p has an outcome (nil), or ctx or the loop ends.
func (c *taskCore) await(ctx context.Context, p awaited) error {
	if c.q.closing.Load() || ctx.Err() != nil {
		return c.awaitEnded(ctx, p)
	}
	if ctx != context.Context(&c.ctx) && !c.watching(ctx) {
		c.rewatch(ctx)
	}
	n, ok := c.attachTo(p)
	if !ok {
		return nil // p's loop is closed; the outcome says so
	}
	c.waiting = true
	for {
		c.co.park()
		if _, settled := p.outcome(); settled {
			c.waiting = false
			c.dropWaiter(n, p)
			return nil
		}
		if err := c.ended(ctx); err != nil {
			c.waiting = false
			if p.withdraw(n, err) {
				err = nil
			}
			c.dropWaiter(n, p)
			return err
		}
	}
}

// attachTo puts the task's waiter among p's callbacks; across loops a stand-in.
func (c *taskCore) attachTo(p awaited) (*node, bool) {
	if p.queue() == c.q {
		c.waiter.ran = false
		return &c.waiter.node, p.attachFrom(c.q, &c.waiter.node)
	}
	r := &remoteWaiter{p: p, t: c}
	r.node.cb = r
	return &r.node, p.attachFrom(c.q, &r.node)
}

// dropWaiter ends a wait. A waiter that is still on the run queue, because something else ended the wait, is left there for
// good and replaced.
func (c *taskCore) dropWaiter(n *node, p awaited) {
	w := c.waiter
	switch {
	case n != &w.node:
		p.detach(n, false)
	case !w.ran && n.place != nowhere:
		w.t = nil
		c.waiter = &waiter{t: c}
		c.waiter.node.cb = c.waiter
	}
}

// ended returns why a wait under ctx has to end, nil when it has not.
func (c *taskCore) ended(ctx context.Context) error {
	if c.q.closing.Load() {
		return ErrLoopClosed
	}
	if ctx.Err() != nil {
		return causeOf(ctx)
	}
	return nil
}

// awaitEnded is await when ctx or the loop has ended: it does not wait for p, but lets the loop take a step.
func (c *taskCore) awaitEnded(ctx context.Context, p awaited) error {
	c.yield()
	err := c.ended(ctx)
	if p.withdraw(&node{}, err) {
		return nil
	}
	return err
}

// yield has the loop run what else is queued before it resumes the task.
func (c *taskCore) yield() {
	c.waiting = true
	c.interrupt()
	c.co.park()
	c.waiting = false
}

// step is yield for an Await of a settled promise in a task whose ctx has ended, so that a task that ignores its errors cannot
// hold the loop. Elsewhere the task's ctx says nothing of the caller, and step does nothing.
func (c *taskCore) step() {
	if q, nested := locate(); q == c.q && !nested && q.cur == c {
		c.yield()
	}
}

// watching reports whether the end of ctx interrupts the task already.
func (c *taskCore) watching(ctx context.Context) bool {
	return c.watch.comparable && c.watch.ctx == ctx
}

// rewatch has the end of ctx interrupt the task's waits.
func (c *taskCore) rewatch(ctx context.Context) {
	c.unwatch()
	if ctx.Done() == nil {
		return
	}
	c.watch = watch{ctx, reflect.TypeOf(ctx).Comparable(), context.AfterFunc(ctx, c.interrupt)}
}

func (c *taskCore) unwatch() {
	if c.watch.stop != nil {
		c.watch.stop()
		c.watch = watch{}
	}
}
