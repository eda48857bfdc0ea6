// SPDX-License-Identifier: MIT

package promise

import "iter"

// coroutine runs tasks, one after the other, on the loop's thread. The runtime wants it to be created, resumed and ended
// at the same depth of thread locks, so that happens on the loop's goroutine only.
type coroutine struct {
	q     *Queue
	t     *taskCore // the task it runs
	next  func() (Unit, bool)
	stop  func()
	yield func(Unit) bool
}

// maxIdle bounds the coroutines that wait for a task: each keeps a stack.
const maxIdle = 256

// CoroutineHost is implemented by an Executor that has to know the goroutines of its tasks, because it cannot tell
// them by their thread. Both methods are called in the coroutine, when it begins and when it ends.
type CoroutineHost interface {
	EnterCoroutine()
	LeaveCoroutine()
}

// Host calls body in a coroutine of its own, so that a callback that ends it by runtime.Goexit does not end the
// caller; body is then called again, until it returns by itself. A loop passes the function that turns it.
func (q *Queue) Host(body func()) {
	for died := true; died; {
		next, _ := iter.Pull(func(func(Unit) bool) { q.guard(body) })
		died = enter(next)
	}
}

// guard calls f in a coroutine and keeps a Goexit from spreading to whoever resumed that.
func (q *Queue) guard(f func()) {
	returned := false
	host, _ := q.exec.(CoroutineHost)
	defer func() {
		if host != nil {
			host.LeaveCoroutine()
		}
		if returned {
			return
		}
		if r := recover(); r != nil {
			panic(r)
		}
		panic(goexitSignal{})
	}()
	if host != nil {
		host.EnterCoroutine()
	}
	f()
	returned = true
}

// enter resumes a coroutine. It returns true when that ended by runtime.Goexit.
func enter(next func() (Unit, bool)) (died bool) {
	defer catchGoexit(&died)
	next()
	return died
}

// resume runs a task until it waits or ends. Loop goroutine only.
func (q *Queue) resume(t *taskCore) {
	co := t.co
	if co == nil {
		co = q.coroutine()
		co.t, t.co = t, co
	}
	was := q.cur
	q.cur = t
	enter(co.next)
	q.cur = was
}

// coroutine returns one that has no task.
func (q *Queue) coroutine() *coroutine {
	if last := len(q.idle) - 1; last >= 0 {
		co := q.idle[last]
		q.idle[last] = nil
		q.idle = q.idle[:last]
		return co
	}
	co := &coroutine{q: q}
	co.next, co.stop = iter.Pull(func(yield func(Unit) bool) {
		co.yield = yield
		q.guard(co.work)
	})
	return co
}

// work runs one task after the other.
func (co *coroutine) work() {
	for {
		co.t.body.exec()
		co.t.co = nil
		co.t = nil
		if len(co.q.idle) >= maxIdle || co.q.closed.Load() {
			return
		}
		co.q.idle = append(co.q.idle, co)
		if !co.yield(Unit{}) {
			return
		}
	}
}

// park gives the thread back to the loop until the task is resumed.
func (co *coroutine) park() { co.yield(Unit{}) }
