// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"errors"
	"time"
)

// ContextTimeout returns a context derived from ctx that ends after d on the loop's clock, with the cause ErrTimeout; on a
// virtual clock it follows that, which a context.WithTimeout, tied to the wall clock, does not. cancel ends it earlier and
// must be called, as for context.WithTimeout. Without a loop in ctx the context has ended with ErrNoLoop.
func ContextTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	q := QueueFrom(ctx)
	if q == nil {
		ended, end := context.WithCancelCause(ctx)
		end(ErrNoLoop)
		return ended, func() {}
	}
	c := &timeoutCtx{parent: ctx}
	c.tie.list.q = q
	c.timer.fire, c.node.cb, c.up.c = c, c, c
	above, bare := tieOf(ctx, q)
	if above != nil {
		ctx = context.WithoutCancel(ctx) // c hears of its end on the loop
	}
	c.Context, c.std = context.WithCancelCause(ctx)
	stop := func() bool { return true }
	if above == nil && bare.Done() != nil {
		stop = context.AfterFunc(bare, func() { c.end(causeOf(bare)) })
	}
	if cause := c.start(above, d); cause != nil {
		c.end(cause)
	}
	return c, func() {
		stop()
		c.end(context.Canceled)
	}
}

// timeoutCtx is the context of ContextTimeout. What hangs on it directly is told of its end on the loop; for others there is a std
// context inside.
type timeoutCtx struct {
	context.Context
	std    context.CancelCauseFunc
	parent context.Context
	tie    tie
	up     ctxLink // its place under a context of this package
	timer  timer
	node   node
}

// Deadline returns the parent's: its own is on the loop's clock.
func (c *timeoutCtx) Deadline() (time.Time, bool) { return c.parent.Deadline() }

// start sets the timer. It returns the cause when the context above has ended.
func (c *timeoutCtx) start(above *tie, d time.Duration) (cause error) {
	q := c.tie.list.q
	made := q.Here()
	q.lock()
	defer q.unlock()
	switch {
	case q.closed.Load():
		return ErrLoopClosed
	case above != nil && above.cause != nil:
		return above.cause
	case above != nil:
		above.list.push(&c.up)
	}
	if c.tie.cause != nil { // the context above has ended since
		return nil
	}
	q.setTimer(&c.timer, d)
	q.mark(&c.timer, made)
	return nil
}

func (c *timeoutCtx) expire()      { c.tie.list.q.push(&c.node) }
func (c *timeoutCtx) run()         { c.end(ErrTimeout) }
func (c *timeoutCtx) what() string { return "ContextTimeout" }

// end ends the context with a cause, and what hangs on it. Safe from any goroutine.
func (c *timeoutCtx) end(cause error) {
	q := c.tie.list.q
	q.lock()
	cells, first := c.tie.end(cause)
	if first {
		q.timers.remove(&c.timer)
		q.unmark(&c.timer)
		c.up.unlink()
	}
	q.unlock()
	c.std(cause)
	for _, cell := range cells {
		cancel(cell, cause)
	}
}

// Err is that of context.WithTimeout's contexts.
func (c *timeoutCtx) Err() error {
	err := c.Context.Err()
	if err != nil && errors.Is(context.Cause(c.Context), ErrTimeout) {
		return context.DeadlineExceeded
	}
	return err
}

func (c *timeoutCtx) visit(s *search) { s.end(c) }
func (c *timeoutCtx) queue() *Queue   { return c.tie.list.q }
func (c *timeoutCtx) pending() bool   { return c.Context.Err() == nil }
func (c *timeoutCtx) key() any        { return c }
func (c *timeoutCtx) identity() any   { return c }
