// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"sync/atomic"
	"time"
)

// taskCtx is the context of a task. It costs nothing until somebody asks for its Done channel: the task's own waits, its
// promises and the tasks it spawns hang on it directly.
type taskCtx struct {
	parent context.Context
	q      *Queue
	t      *taskCore

	// Under q.mu.
	cause    error   // why it ended
	err      error   // what Err says
	children ctxList // promises that its end cancels
	up       ctxLink // its own place under the task that spawned this one
	left     bool    // the task is over; up goes when the last child does

	over atomic.Bool // cause is set
	made atomic.Pointer[stdCtx]
}

// stdCtx is the std context behind a Done channel that somebody asked for.
type stdCtx struct {
	context.Context
	end context.CancelCauseFunc
}

// open derives the context from parent. It returns the cause when that has ended.
func (c *taskCtx) open(parent context.Context, q *Queue, t *taskCore) error {
	c.parent, c.q, c.t = parent, q, t
	c.children.q, c.children.of = q, c
	bare := parent
	for {
		l, ok := bare.(*loopCtx)
		if !ok {
			break
		}
		bare = l.Context
	}
	if p, ok := bare.(*taskCtx); ok && p.q == q {
		q.mu.Lock()
		defer q.mu.Unlock()
		if p.cause != nil {
			return p.cause
		}
		c.up.c = (*taskCell)(t)
		p.children.push(&c.up)
		return nil
	}
	if bare.Done() == nil {
		return nil
	}
	if bare.Err() != nil {
		return causeOf(bare)
	}
	stop := context.AfterFunc(bare, func() { c.endAs(bare.Err(), causeOf(bare)) })
	q.mu.Lock()
	c.children.stop = stop
	q.foreign.add(&c.children)
	q.mu.Unlock()
	return nil
}

// leave is called when the task is over: what it spawned under its context still hears of the end of those above, so the
// context keeps its place there until nothing hangs on it. q.mu is held.
func (c *taskCtx) leave() {
	c.left = true
	if c.children.first != nil {
		return
	}
	// A link of its own, put in and taken out again, does what the last child's unlinking would.
	var last ctxLink
	c.children.push(&last)
	last.unlink()
}

// end ends the context with a cause, and what hangs on it. Safe from any goroutine.
func (c *taskCtx) end(cause error) { c.endAs(context.Canceled, cause) }

func (c *taskCtx) endAs(err, cause error) {
	q := c.q
	q.mu.Lock()
	if c.cause != nil {
		q.mu.Unlock()
		return
	}
	c.cause, c.err = cause, err
	c.over.Store(true)
	var children []cell
	for k := c.children.first; k != nil; k = k.next {
		children = append(children, k.c)
	}
	wake, waits := false, !c.t.started && !c.left
	if c.t.started && !c.left {
		wake = c.t.interruptLocked()
	}
	q.mu.Unlock()
	c.std().end(cause) // so that context.Cause finds it
	if wake {
		q.exec.Wake()
	}
	if waits { // it has not started, and will not
		cancel((*taskCell)(c.t), cause)
	}
	for i := len(children) - 1; i >= 0; i-- { // the oldest first
		cancel(children[i], cause)
	}
}

// std returns the std context that stands for this one, made at first use. Its parent's end comes by way of end.
func (c *taskCtx) std() *stdCtx {
	if s := c.made.Load(); s != nil {
		return s
	}
	ctx, end := context.WithCancelCause(context.WithoutCancel(c.parent))
	s := &stdCtx{ctx, end}
	if !c.made.CompareAndSwap(nil, s) {
		end(nil)
		return c.made.Load()
	}
	if c.over.Load() {
		c.q.mu.Lock()
		cause := c.cause
		c.q.mu.Unlock()
		end(cause)
	}
	return s
}

// Deadline returns the parent's.
func (c *taskCtx) Deadline() (time.Time, bool) { return c.parent.Deadline() }

// Done returns a channel that is closed when the context ends.
func (c *taskCtx) Done() <-chan struct{} { return c.std().Done() }

// Err returns nil until the context has ended.
func (c *taskCtx) Err() error {
	if !c.over.Load() {
		return nil
	}
	c.q.mu.Lock()
	defer c.q.mu.Unlock()
	return c.err
}

// Value returns the parent's, and the loop.
func (c *taskCtx) Value(key any) any {
	if key == (queueKey{}) {
		return c.q
	}
	if s := c.made.Load(); s != nil {
		return s.Value(key)
	}
	return c.parent.Value(key)
}

// String names the context where one is printed.
func (c *taskCtx) String() string { return "promise.Task(" + c.t.name() + ")" }

// causeOf is context.Cause, for contexts of this package without a detour.
func causeOf(ctx context.Context) error {
	if c, ok := ctx.(*taskCtx); ok {
		c.q.mu.Lock()
		defer c.q.mu.Unlock()
		return c.cause
	}
	return context.Cause(ctx)
}

// taskCell is a task, seen by the end of the context above it.
type taskCell taskCore

func (t *taskCell) visit(s *search) { t.body.(cell).visit(s) }
func (t *taskCell) queue() *Queue   { return t.q }
func (t *taskCell) pending() bool   { return t.body.(cell).pending() }
func (t *taskCell) key() any        { return t }
