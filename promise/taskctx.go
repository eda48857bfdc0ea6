// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"errors"
	"strings"
	"time"
)

// taskCtx is a task as the context that its function gets. It costs nothing until somebody asks for its Done channel: the
// task's own waits, its promises and the tasks it spawns hang on it directly.
type taskCtx taskCore

// stdCtx is the std context behind a Done channel that somebody asked for.
type stdCtx struct {
	context.Context
	end context.CancelCauseFunc
}

// follow has the end of the parent end this context. When the parent is a context of this package, on the same loop, it returns
// its tie, and leaves it to the caller. It returns the cause when the parent has ended.
func (c *taskCtx) follow() (above *tie, cause error) {
	above, bare := tieOf(c.parent, c.q)
	if above != nil || bare.Done() == nil {
		return above, nil
	}
	if bare.Err() != nil {
		return nil, causeOf(bare)
	}
	stop := context.AfterFunc(bare, func() { c.endAs(errors.Is(bare.Err(), context.DeadlineExceeded), causeOf(bare)) })
	c.q.lock()
	c.tie.list.stop = stop
	c.q.foreign.add(&c.tie.list)
	c.q.unlock()
	return nil, nil
}

// leave is called when the task is over: what it spawned under its context still hears of the end of those above, so the
// context keeps its place there until nothing hangs on it. q is locked.
func (c *taskCtx) leave() {
	c.left = true
	if c.tie.list.first == nil {
		if up := c.tie.list.emptied(); up != nil {
			up.unlink()
		}
	}
}

// end ends the context with a cause, and what hangs on it. Safe from any goroutine.
func (c *taskCtx) end(cause error) { c.endAs(errors.Is(cause, context.DeadlineExceeded), cause) }

func (c *taskCtx) endAs(expired bool, cause error) {
	q := c.q
	q.lock()
	cells, first := c.tie.end(cause)
	if !first {
		q.unlock()
		return
	}
	c.expired = expired
	c.over.Store(true)
	q.unlock()
	c.std().end(cause) // so that context.Cause finds it
	q.lock()
	waits := c.co == nil && !c.left
	(*taskCore)(c).endWait(canceled(cause))
	q.unlock()
	if waits { // it has not started, and will not
		cancel((*taskCell)(c), cause)
	}
	for _, cell := range cells {
		cancel(cell, cause)
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
		c.q.lock()
		cause := c.tie.cause
		c.q.unlock()
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
	c.q.lock()
	defer c.q.unlock()
	if c.expired {
		return context.DeadlineExceeded
	}
	return context.Canceled
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
func (c *taskCtx) String() string {
	return "promise.Task(" + strings.TrimPrefix((*taskCore)(c).name(), "task ") + ")"
}

// causeOf is context.Cause, for contexts of this package without a detour.
func causeOf(ctx context.Context) error {
	if c, ok := ctx.(*taskCtx); ok {
		c.q.lock()
		defer c.q.unlock()
		return c.tie.cause
	}
	return context.Cause(ctx)
}

// taskCell is a task, seen by the end of the context above it.
type taskCell taskCore

func (t *taskCell) visit(s *search) { (*taskCore)(t).runner().visit(s) }
func (t *taskCell) queue() *Queue   { return t.q }
func (t *taskCell) pending() bool   { return (*taskCore)(t).runner().pending() }
func (t *taskCell) key() any        { return t }
func (t *taskCell) identity() any   { return t }
