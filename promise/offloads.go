// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"errors"
)

// defaultOffloads is how many functions of Offload a loop runs at a time unless told otherwise. It is there to keep a burst of
// them from taking thousands of threads, not to ration processors: the scheduler does that.
const defaultOffloads = 1024

// offloadJob is an Offload that has not returned, as its loop sees it.
type offloadJob struct {
	q   *Queue
	op  offloadOp
	ctx offloadCtx

	// While q is locked.
	next, prev *offloadJob // in the list of those that run, or that wait
	on         *offloadList
	away       int // waits of it that are going on: it does not count as running then
}

type offloadOp interface {
	name() string
	work()
	abandon()
}

// offloads are the jobs of a loop. The queue's mutex guards them.
type offloads struct {
	running, waiting offloadList
	busy             int // those of running that are not away
	limit            int
}

// submit starts j, or lines it up. It returns false when the loop is closing. The loop gets a turn: one that ends by
// itself must learn that it has something to wait for.
func (s *offloads) submit(q *Queue, j *offloadJob) bool {
	made := q.Here()
	q.lock()
	if q.closing.Load() {
		q.unlock()
		return false
	}
	s.waiting.push(j)
	q.mark(j, made)
	s.dispatch()
	q.needTurn()
	q.unlock()
	return true
}

// dispatch starts what the limit allows.
func (s *offloads) dispatch() {
	for j := s.waiting.first; j != nil && s.busy < s.limit; j = s.waiting.first {
		s.waiting.remove(j)
		s.running.push(j)
		s.busy++
		go j.op.work()
	}
}

// remove forgets a job that has returned, or will never run.
func (s *offloads) remove(j *offloadJob) {
	if j.on == &s.running && j.away == 0 {
		s.busy--
	}
	if j.on != nil {
		j.on.remove(j)
		j.q.unmark(j)
	}
	s.dispatch()
}

// drop forgets the jobs that have not begun and returns them.
func (s *offloads) drop() (all []*offloadJob) {
	for j := s.waiting.first; j != nil; j = s.waiting.first {
		s.waiting.remove(j)
		all = append(all, j)
	}
	return all
}

// leave has the job of a function that is about to wait not count until back is called. It may be nil.
func (j *offloadJob) leave() {
	if j == nil {
		return
	}
	j.q.lock()
	if j.away++; j.away == 1 && j.on == &j.q.offloads.running {
		j.q.offloads.busy--
		j.q.offloads.dispatch()
	}
	j.q.unlock()
}

// back does not wait for room: that could be the end of it, if those who took the room wait for this one.
func (j *offloadJob) back() {
	if j == nil {
		return
	}
	j.q.lock()
	if j.away--; j.away == 0 && j.on == &j.q.offloads.running {
		j.q.offloads.busy++
	}
	j.q.unlock()
}

type offloadKey struct{}

// offloadCtx is the context of a function given to Offload. It tells whose it is.
type offloadCtx struct {
	tie
	job *offloadJob
}

// begin ties the context of j to ctx.
func (c *offloadCtx) begin(j *offloadJob, ctx context.Context) {
	c.job = j
	above, cause := c.tie.begin(j.q, ctx, c)
	listen, expired := false, errors.Is(ctx.Err(), context.DeadlineExceeded)
	if above != nil {
		j.q.lock()
		above = above.standing()
		cause, listen = above.hang(&c.up)
		j.q.unlock()
	}
	if listen {
		above.listen()
	}
	if cause != nil {
		c.tie.end(cause, expired)
	}
}

func (c *offloadCtx) Value(key any) any {
	if key == (offloadKey{}) {
		return c.job
	}
	return c.tie.Value(key)
}

// end ends the context with a cause. Safe from any goroutine.
func (c *offloadCtx) end(cause error) { c.tie.end(cause, isExpiry(cause)) }

// leave notes that the function has returned, or will never run. Safe from any goroutine.
func (c *offloadCtx) leave() {
	c.list.q.lock()
	c.tie.leave()
	c.list.q.unlock()
}

func (c *offloadCtx) ended(error)     {}
func (c *offloadCtx) visit(s *search) { s.end(c) }
func (c *offloadCtx) queue() *Queue   { return c.list.q }
func (c *offloadCtx) pending() bool   { return !c.is(ctxEnded | ctxThrough) }
func (c *offloadCtx) key() any        { return c }
func (c *offloadCtx) identity() any   { return c }

// jobOf returns the job of the function that ctx was made for, nil when there is none.
func jobOf(ctx context.Context) *offloadJob {
	j, _ := ctx.Value(offloadKey{}).(*offloadJob)
	return j
}

// offloadList is a first-in-first-out list of jobs.
type offloadList struct {
	first, last *offloadJob
	n           int
}

func (l *offloadList) push(j *offloadJob) {
	j.on, j.prev, j.next = l, l.last, nil
	if l.last != nil {
		l.last.next = j
	} else {
		l.first = j
	}
	l.last = j
	l.n++
}

func (l *offloadList) remove(j *offloadJob) {
	if j.prev != nil {
		j.prev.next = j.next
	} else {
		l.first = j.next
	}
	if j.next != nil {
		j.next.prev = j.prev
	} else {
		l.last = j.prev
	}
	j.on, j.prev, j.next = nil, nil, nil
	l.n--
}

func (l *offloadList) has(j *offloadJob) bool { return j.on == l }

func (l *offloadList) all() (all []*offloadJob) {
	for j := l.first; j != nil; j = j.next {
		all = append(all, j)
	}
	return all
}

// SetOffloadLimit sets how many functions given to Offload run at a time on this loop's behalf, 1024 unless set. Those that are
// running are not affected. Safe from any goroutine.
func (q *Queue) SetOffloadLimit(n int) {
	if n < 1 {
		panic("promise: Queue.SetOffloadLimit: the limit is not positive: allow at least one")
	}
	q.lock()
	q.offloads.limit = n
	q.offloads.dispatch()
	q.unlock()
}

// Offloading returns how many functions given to Offload have not returned, those that have not begun included. Safe from any
// goroutine.
func (q *Queue) Offloading() int {
	q.lock()
	defer q.unlock()
	return q.offloads.running.n + q.offloads.waiting.n
}
