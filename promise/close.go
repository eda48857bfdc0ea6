// SPDX-License-Identifier: MIT

package promise

import (
	"log/slog"
	"sort"
)

// Stop begins the end of the loop: nothing new starts on it, every task and Offload is cancelled with ErrLoopClosed, and
// every Await of a task returns ErrLoopClosed. Run goes on running what is there. Loop goroutine only.
func (q *Queue) Stop() {
	q.mu.Lock()
	if q.closing.Load() {
		q.mu.Unlock()
		return
	}
	q.closing.Store(true)
	tasks := q.tasks.all()
	var jobs []*offloadJob
	for j := range q.offloads {
		jobs = append(jobs, j)
	}
	q.mu.Unlock()
	for _, t := range tasks {
		cancel((*taskCell)(t), ErrLoopClosed)
		t.interrupt()
	}
	for _, j := range jobs {
		j.end(ErrLoopClosed)
	}
}

// Busy returns the names of the functions of the tasks and Offloads that have not returned, tasks first.
// Safe from any goroutine.
func (q *Queue) Busy() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	var names []string
	for _, t := range q.tasks.all() {
		names = append(names, "task "+t.name())
	}
	n := len(names)
	for j := range q.offloads {
		names = append(names, "offload "+j.name())
	}
	sort.Strings(names[n:])
	return names
}

// Close ends the loop. What is still pending on it reads as rejected with ErrLoopClosed, no callback runs any more, and
// whoever waits on it from outside, on goroutines or other loops, is let go. It returns what Busy does: the tasks and Offloads
// that did not end after Stop. Loop goroutine only, outside Run.
func (q *Queue) Close() []string {
	q.Stop()
	q.reportSuspects()
	q.mu.Lock()
	if q.closed.Load() {
		q.mu.Unlock()
		return nil
	}
	q.closed.Store(true)
	links := q.links
	q.links = map[*node]struct{}{}
	q.ready, q.batch, q.pausers = list{}, list{}, list{}
	q.timers = timerHeap{}
	q.mu.Unlock()
	for n := range links {
		n.cb.run()
	}
	for _, co := range q.idle {
		co.stop()
	}
	q.idle = nil
	return q.Busy()
}

// Closed reports whether Close was called. Safe from any goroutine.
func (q *Queue) Closed() bool { return q.closed.Load() }

func reportNoLoop(err error) {
	slog.Error("weft: unhandled error in a callback on no loop", "error", err)
}
