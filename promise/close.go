// SPDX-License-Identifier: MIT

package promise

import (
	"sort"
)

// Stop begins the end of the loop: nothing new starts on it, every task and Offload is cancelled with ErrLoopClosed, and
// every Await of a task returns ErrLoopClosed. Run goes on running what is there. Loop goroutine only.
func (q *Queue) Stop() {
	q.lock()
	if q.closing.Load() {
		q.unlock()
		return
	}
	q.closing.Store(true)
	tasks := q.tasks.all()
	jobs, unstarted := q.offloads.running.all(), q.offloads.drop()
	q.unlock()
	for _, t := range tasks {
		cancel((*taskCell)(t), ErrLoopClosed)
		t.interrupt()
	}
	for _, j := range jobs {
		j.ctx.end(ErrLoopClosed)
	}
	for _, j := range unstarted {
		j.ctx.end(ErrLoopClosed)
		j.op.abandon()
	}
	q.endContexts()
}

// Busy returns the names of the functions of the tasks and Offloads that have not returned, tasks first.
// Safe from any goroutine.
func (q *Queue) Busy() []string {
	q.lock()
	defer q.unlock()
	var names []string
	for _, t := range q.tasks.all() {
		names = append(names, t.name())
	}
	n := len(names)
	for _, j := range q.offloads.running.all() {
		names = append(names, "offload "+j.op.name())
	}
	sort.Strings(names[n:])
	return names
}

// Running returns how many tasks and Offloads have not returned. Safe from any goroutine.
func (q *Queue) Running() int {
	q.lock()
	defer q.unlock()
	return q.tasks.n + q.offloads.running.n
}

// Offloads returns how many functions given to Offload have not returned, those that wait for room included. Safe from any
// goroutine.
func (q *Queue) Offloads() int {
	q.lock()
	defer q.unlock()
	return q.offloads.running.n + q.offloads.waiting.n
}

// Close ends the loop. What was posted is run. Then what is still pending on it reads as rejected with ErrLoopClosed, no callback
// runs any more, and waits from outside, on goroutines or other loops, end. It returns what Busy does: the tasks and Offloads
// that did not end after Stop. Loop goroutine only, outside Run.
func (q *Queue) Close() []string {
	q.Stop()
	q.reportSuspects()
	q.lock()
	if !q.sealed {
		q.sealed = true
		q.ending = append(q.takePosted(), q.shut)
	}
	q.unlock()
	for len(q.ending) > 0 { // one by one: a handler may end this call by runtime.Goexit, and the next one goes on
		step := q.ending[0]
		q.ending = q.ending[1:]
		step()
	}
	return q.Busy()
}

// takePosted takes what was posted off the run queue: Post has said that it runs. q is locked.
func (q *Queue) takePosted() (steps []func()) {
	q.batch.splice(&q.ready)
	var rest list
	for n := q.batch.pop(); n != nil; n = q.batch.pop() {
		if p, ok := n.cb.(*posted); ok {
			steps = append(steps, p.run)
		} else {
			rest.push(n)
		}
	}
	q.batch = rest
	return steps
}

// shut closes the queue: from here on nothing settles.
func (q *Queue) shut() {
	q.lock()
	defer q.unlock()
	q.closed.Store(true)
	q.planEnd()
}

// Abandon is Close for a loop whose goroutine is out of Run, and never comes back. Nothing that belongs to that goroutine runs: tasks
// stay where they wait, and are not cancelled. Safe from any goroutine.
func (q *Queue) Abandon() {
	q.lock()
	if q.closed.Load() {
		q.unlock()
		return
	}
	q.closing.Store(true)
	q.closed.Store(true)
	q.sealed = true
	q.idle = nil // coroutines end on the loop's thread only
	q.planEnd()
	steps := q.ending
	q.ending = nil
	q.unlock()
	for _, step := range steps {
		step()
	}
}

// planEnd lists what a closed queue has left to do: first whoever waits is let go, then what nobody looked at is reported.
// q is locked.
func (q *Queue) planEnd() {
	for l := range q.foreign {
		q.ending = append(q.ending, func() { l.stop() })
	}
	left := q.takeHousekeeping()
	for _, x := range q.timers.clear() {
		q.ending = append(q.ending, func() { x.end(ErrLoopClosed) })
	}
	for n := range q.links {
		q.ending = append(q.ending, n.cb.run)
	}
	for _, co := range q.idle {
		q.ending = append(q.ending, co.stop)
	}
	for _, cb := range append(left, q.takeUnseen()...) {
		q.ending = append(q.ending, cb.run)
	}
	q.links, q.foreign, q.sites, q.origins, q.idle = map[*node]struct{}{}, nil, nil, nil, nil
}

// housekeeper is a callback of this package's own that must run even when the loop ends first.
type housekeeper interface {
	callback
	housekeep()
}

// takeHousekeeping empties the run queue and returns what of it must run all the same. q is locked.
func (q *Queue) takeHousekeeping() (left []callback) {
	q.batch.splice(&q.ready)
	for n := q.batch.pop(); n != nil; n = q.batch.pop() {
		if h, ok := n.cb.(housekeeper); ok {
			left = append(left, h)
		}
	}
	q.pausers = list{}
	return left
}

// clear empties the heap and returns the contexts that hang on it.
func (h *timerHeap) clear() (expiries []*timeoutCtx) {
	for _, s := range h.slots {
		s.t.at = 0
		if x, ok := s.t.fire.(*timeoutCtx); ok {
			expiries = append(expiries, x)
		}
	}
	h.slots = nil
	return expiries
}

// Closed reports whether Close was called. Safe from any goroutine.
func (q *Queue) Closed() bool { return q.closed.Load() }
