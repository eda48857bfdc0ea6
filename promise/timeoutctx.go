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
	c := &timeoutCtx{}
	c.timer.fire, c.node.cb = c, c
	above, cause := c.begin(q, ctx, c)
	if above == &q.root {
		above = nil // a closing loop ends its timers after the last cleanup
	}
	expired := above != nil && above.is(ctxExpired) || cause != nil && errors.Is(ctx.Err(), context.DeadlineExceeded)
	if cause == nil {
		cause = c.start(above, d)
	}
	if cause != nil {
		c.tie.end(cause, expired)
	}
	return c, func() { c.end(context.Canceled) }
}

// timeoutCtx is the context of ContextTimeout.
type timeoutCtx struct {
	tie
	timer timer
	node  node
}

// start sets the timer. It returns the cause when the context above has ended.
func (c *timeoutCtx) start(above *tie, d time.Duration) (cause error) {
	q, listen := c.list.q, false
	made := q.Here()
	q.lock()
	switch {
	case q.closed.Load():
		cause = ErrLoopClosed
	case above != nil:
		above = above.standing()
		cause, listen = above.hang(&c.up)
	}
	if cause == nil && !c.is(ctxEnded) { // else the context above has ended since
		q.setTimer(&c.timer, d)
		q.mark(&c.timer, made)
	}
	q.unlock()
	if listen {
		above.listen()
	}
	return cause
}

func (c *timeoutCtx) expire()      { c.list.q.push(&c.node) }
func (c *timeoutCtx) run()         { c.tie.end(ErrTimeout, true) }
func (c *timeoutCtx) what() string { return "ContextTimeout" }

// end ends the context before its time. Safe from any goroutine.
func (c *timeoutCtx) end(cause error) { c.tie.end(cause, isExpiry(cause)) }

func (c *timeoutCtx) ended(error) {
	q := c.list.q
	q.lock()
	q.timers.remove(&c.timer)
	q.unmark(&c.timer)
	c.leave()
	q.unlock()
}

func (c *timeoutCtx) visit(s *search) { s.end(c) }
func (c *timeoutCtx) queue() *Queue   { return c.list.q }
func (c *timeoutCtx) pending() bool   { return !c.is(ctxEnded) }
func (c *timeoutCtx) key() any        { return c }
func (c *timeoutCtx) identity() any   { return c }
