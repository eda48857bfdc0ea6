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

	waiter  *waiter
	first   waiter // what waiter points to, until an abandoned wait has left it on the run queue
	waiting bool
	watch   *watch // made when the task first awaits under a context that is not its own

	notice    node // put on the run queue when a wait may have to end early
	noticeSet bool // while q is locked
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
		next, _ := iter.Pull(func(func(Unit) bool) {
			returned := false
			defer q.leave(&returned)
			q.enter()
			body()
			returned = true
		})
		died = enter(next)
	}
}

// Laps returns a function that calls body, in a coroutine that all its calls share, so that a callback that ends it by
// runtime.Goexit does not end the caller; body is then called again. body returns true when it was the last lap. A loop
// that cannot hand over to Host the function that turns it, because somebody else turns it, calls this for each turn.
func (q *Queue) Laps(body func() (last bool)) (lap func()) {
	l := &laps{q: q, body: body}
	return func() {
		for l.enter() {
		}
	}
}

type laps struct {
	q    *Queue
	body func() (last bool)
	next func() (Unit, bool)
}

func (l *laps) enter() (died bool) {
	if l.next == nil {
		l.next, _ = iter.Pull(l.work)
	}
	next := l.next
	l.next = nil // should it die
	if !enter(next) {
		l.next = next
		return false
	}
	return true
}

// work is the coroutine.
func (l *laps) work(yield func(Unit) bool) {
	returned := false
	defer l.q.leave(&returned)
	l.q.enter()
	for !l.body() {
		yield(Unit{})
	}
	returned = true
}

// enter is called first in a coroutine of the loop's, left last.
func (q *Queue) enter() {
	if host, ok := q.exec.(CoroutineHost); ok {
		host.EnterCoroutine()
	}
}

func (q *Queue) left() {
	if host, ok := q.exec.(CoroutineHost); ok {
		host.LeaveCoroutine()
	}
}

// leave is deferred in the coroutine of Host. It keeps a Goexit from spreading to whoever resumed that.
func (q *Queue) leave(returned *bool) {
	r := recover()
	q.left()
	switch {
	case r != nil:
		panic(r)
	case !*returned:
		panic(goexitSignal{})
	}
}

// enter resumes a coroutine. It returns true when that ended by runtime.Goexit.
func enter(next func() (Unit, bool)) (died bool) {
	defer catchGoexit(&died)
	next()
	return died
}

// resume runs co's task until it waits or ends. Loop goroutine only.
func (q *Queue) resume(co *coroutine) {
	was := q.cur
	q.cur = co
	q.beginStep()
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
	co.notice.cb = (*notice)(co)
	co.first.co, co.first.node.cb = co, &co.first
	co.waiter = &co.first
	co.next, co.stop = iter.Pull(co.work)
	return co
}

// work is the coroutine: it runs one task after the other. A task that waits keeps its frames from here on: small ones let many
// tasks do with the smallest stack.
func (co *coroutine) work(yield func(Unit) bool) {
	returned := false
	defer co.leave(&returned)
	co.q.enter()
	co.yield = yield
	for more := true; more; {
		if t := co.t; t.effect != nil {
			t.runner().finish(co, t.effect((*taskCtx)(t)))
		} else {
			t.runner().exec(co)
		}
		co.t = nil
		more = co.takeNext() || co.rest()
	}
	returned = true
}

// leave is deferred in the coroutine. A panic or a Goexit of the task rejects its promise, and ends the coroutine.
func (co *coroutine) leave(returned *bool) {
	r, t := recover(), co.t
	co.t = nil
	if t != nil && !*returned {
		err := ErrGoexit
		if r != nil {
			err = newPanicError(r)
		}
		t.runner().finish(co, err)
	}
	co.q.left()
	switch {
	case r != nil && t == nil:
		panic(r) // it is none of the task's
	case r == nil && !*returned:
		panic(goexitSignal{})
	}
}

// rest waits for another task. It returns false when there will be none.
func (co *coroutine) rest() bool {
	q := co.q
	if len(q.idle) >= maxIdle || q.closed.Load() {
		return false
	}
	q.idle = append(q.idle, co)
	return co.yield(Unit{})
}

// takeNext takes the next step of the loop if that is the beginning of a task: it saves the switch to the loop and back.
func (co *coroutine) takeNext() bool {
	n := co.q.batch.first
	if n == nil {
		return false
	}
	t, begins := n.cb.(runner)
	if !begins || !co.q.takeStep() {
		return false
	}
	co.q.batch.remove(n)
	co.q.holder = n
	co.q.beginStep()
	return t.taskCore().begin(co)
}

// park gives the thread back to the loop until the task is resumed.
func (co *coroutine) park() { co.yield(Unit{}) }

// notice is the step in which a waiting task learns that its context or its loop is about to end.
type notice coroutine

func (n *notice) run() {
	co := (*coroutine)(n)
	co.q.lock()
	co.noticeSet = false
	co.q.unlock()
	if co.waiting {
		co.q.resume(co)
	}
}

// notify queues the notice. q is locked.
func (co *coroutine) notify() {
	if co.noticeSet {
		return
	}
	co.noticeSet = true
	co.q.push(&co.notice)
}
