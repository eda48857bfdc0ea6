// SPDX-License-Identifier: MIT

package promise

import "fmt"

// Holder names what the loop's thread is running at this moment, "task NAME" or "callback NAME", and in debug mode where it was made
// (of a task, also if the queue tracks them); both are empty between two turns. It is for watchdogs: the answer may be one step old.
// Safe from any goroutine.
func (q *Queue) Holder() (name, made string) {
	n := q.peekHolder()
	q.lock() // whatever was queued before is in memory now
	defer q.unlock()
	if n == nil {
		return "", ""
	}
	cb := n.cb
	if t := peekTask(cb); t != nil {
		made := q.siteOf(t.runner())
		if made == nil {
			made = q.origins[t]
		}
		return t.name(), made.String()
	}
	if c, ok := cb.(cell); ok {
		made = q.siteOf(c).String()
	}
	return "callback " + callbackName(cb), made
}

// siteOf returns where a pending promise was made, nil when it was not in debug mode. q is locked.
func (q *Queue) siteOf(c cell) *Site {
	p, _ := c.key().(cell) // the promise that c embeds
	return q.sites[p]
}

// peekHolder reads a word that the loop's thread writes without a lock: at every step, which a lock or an atomic store would slow
// down by a tenth. Go's memory model lets a read of one word see only what was written there.
//
//go:norace
func (q *Queue) peekHolder() *node { return q.holder }

// peekTask returns the task that a step begins or resumes, nil for a callback.
//
//go:norace
func peekTask(cb callback) *taskCore {
	switch cb := cb.(type) {
	case runner:
		return cb.taskCore()
	case *waiter:
		if co := cb.co; co != nil {
			return co.t
		}
	case *notice:
		return cb.t
	}
	return nil
}

// callbackName is the user's function where the step knows that for good, and otherwise what the function was given to.
func callbackName(cb callback) string {
	if d, ok := cb.(interface{ describe() string }); ok {
		return d.describe()
	}
	return fmt.Sprintf("%T", cb)
}
