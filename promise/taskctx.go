// SPDX-License-Identifier: MIT

package promise

import (
	"strings"
	"time"
)

// taskCtx is a task as the context that its function gets. It costs nothing until somebody asks for its Done channel: the
// task's own waits, its promises and the tasks it spawns hang on it directly.
type taskCtx taskCore

// Deadline returns the parent's.
func (c *taskCtx) Deadline() (time.Time, bool) { return c.tie.Deadline() }

// Done returns a channel that is closed when the context ends.
func (c *taskCtx) Done() <-chan struct{} { return c.tie.Done() }

// Err returns nil until the context has ended.
func (c *taskCtx) Err() error { return c.tie.Err() }

// Value returns the parent's, and the loop.
func (c *taskCtx) Value(key any) any { return c.tie.Value(key) }

// AfterFunc is what package context looks for.
func (c *taskCtx) AfterFunc(f func()) (stop func() bool) { return c.tie.AfterFunc(f) }

// String names the context where one is printed.
func (c *taskCtx) String() string {
	return "promise.Task(" + strings.TrimPrefix((*taskCore)(c).name(), "task ") + ")"
}

// end ends the context, as a search found that it must. Safe from any goroutine.
func (c *taskCtx) end(cause error) { c.tie.end(cause, isExpiry(cause)) }

// taskCell is a task, seen by the end of the context above it.
type taskCell taskCore

func (t *taskCell) visit(s *search) {
	if t.tie.is(ctxLeft) { // its promise has settled; what it started goes on
		s.end((*taskCtx)(t))
		return
	}
	(*taskCore)(t).runner().visit(s)
}

// ended has the task's wait end, or rejects the task if it has not started.
func (t *taskCell) ended(cause error) {
	t.q.lock()
	waits := t.co == nil && !t.tie.is(ctxLeft)
	(*taskCore)(t).endWait(canceled(cause))
	t.q.unlock()
	if waits {
		cancel(t, cause)
	}
}

func (t *taskCell) queue() *Queue { return t.q }
func (t *taskCell) pending() bool { return !t.tie.is(ctxEnded | ctxThrough) }
func (t *taskCell) key() any      { return t }
func (t *taskCell) identity() any { return t }
