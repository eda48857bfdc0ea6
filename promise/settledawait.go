// SPDX-License-Identifier: MIT

package promise

import "context"

// A task that finds everything it awaits settled, as one that reads from a full buffer does, never waits, and would keep
// the loop to itself. So an Await yields now and then. An Await of a settled promise costs 5 ns, and to ask who the caller
// is 25: so it is asked only now and then, and the Awaits are counted by what is at hand, which is the loop of the ctx or
// of the promise.
const settledBudget = 128 // Awaits in one step of a task

// awaitsSettled counts an Await of a settled promise. It returns true when afterSettled has something to do.
//
// The count is not atomic, which would cost as much as the Await: goroutines that count at the same time may lose one, so
// that a task yields a little later.
//
//go:norace
func (c *taskCtx) awaitsSettled() bool {
	n := c.q.settledAwaits + 1
	c.q.settledAwaits = n
	return n%settledBudget == 0 || c.tie.is(ctxEnded)
}

// looseAwaits counts the Awaits whose loop is not at hand.
var looseAwaits uint32

// countAwait is awaitsSettled for any other ctx. pq is the promise's loop, nil when it has none.
//
//go:norace
func countAwait(ctx context.Context, pq *Queue) (n uint32) {
	switch c := ctx.(type) {
	case *taskCtx:
		return c.q.settledAwaits
	case *loopCtx:
		pq = c.q
	case *timeoutCtx:
		pq = c.tie.list.q
	}
	if pq == nil {
		looseAwaits++
		return looseAwaits
	}
	pq.settledAwaits++
	return pq.settledAwaits
}

// beginStep begins the count of a task's step. Loop goroutine only.
//
//go:norace
func (q *Queue) beginStep() { q.settledAwaits = 0 }

// afterSettled has the task that the caller is part of, if any, yield when it is time to.
func afterSettled(ctx context.Context, pq *Queue) {
	if c, ok := ctx.(*taskCtx); ok && c.tie.is(ctxEnded) {
		(*taskCore)(c).step()
		return
	}
	n := countAwait(ctx, pq)
	if n%settledBudget != 0 {
		return
	}
	q, nested := locate()
	if q == nil || nested || q.cur == nil {
		return
	}
	switch {
	case q.exec.Now() >= q.over:
		q.steps = 0 // the turn ends with this step: timers and I/O are due
	case !q.hasMore():
		return
	}
	q.cur.pause()
}

// hasMore reports whether something waits on the run queue. Loop goroutine only.
func (q *Queue) hasMore() bool {
	if q.batch.first != nil {
		return true
	}
	q.lock()
	defer q.unlock()
	return q.ready.first != nil
}
