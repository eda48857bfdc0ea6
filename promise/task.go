// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"reflect"
	"runtime"
)

// Spawn runs f as a task on ctx's loop and returns the promise of its result. A task is a coroutine on the loop's thread:
// between two Awaits nothing else runs there, and an Await lets the others go on. f starts in a later step, never inside
// this call. A panic in f rejects the promise with a *PanicError, runtime.Goexit with ErrGoexit.
//
// What a task may not do: wait for another task of its loop by anything but promises (a sync.Mutex held across an Await, a Go
// channel), and leave runtime.LockOSThread and UnlockOSThread unbalanced, which aborts the process. Work that
// blocks belongs in Offload.
//
// # Cancellation
//
// Cancelling the promise ends the task's ctx, once, with the cause; the promise settles when f returns, not before. A task
// that has not started is rejected without running. The end of the ctx passed to Spawn does the same. Cleanup in a task
// awaits under context.WithoutCancel(ctx).
//
// The ctx of a task that has returned goes on: it ends when one above it does, or the loop, and so does what was started under it:
// tasks, operations, Offloads, contexts derived from it, also by package context. Cancelling the task's promise has no effect by then.
func Spawn[T any](ctx context.Context, f func(ctx context.Context) (T, error)) *Promise[T] {
	if f == nil {
		panic("promise: Spawn: the function is nil")
	}
	return newTask(ctx, &task[T]{f: f})
}

// Go runs f as a task, as Spawn does, for its effect. An error that nobody looks at goes to the loop's handler.
// Lwt.async.
func Go(ctx context.Context, f func(ctx context.Context) error) *Promise[Unit] {
	if f == nil {
		panic("promise: Go: the function is nil")
	}
	t := &task[Unit]{}
	t.core.effect = f
	t.state.Store(wantsReport)
	return newTask(ctx, t)
}

// task is a task's promise, its context and its place among the loop's tasks, in one object. What a task needs only while
// it runs is its coroutine's.
type task[T any] struct {
	Promise[T]
	core taskCore
	f    func(ctx context.Context) (T, error) // nil: core has one
}

// taskCore is the part of a task that does not depend on its type. It is also the task's context: see taskCtx.
type taskCore struct {
	q      *Queue
	effect func(ctx context.Context) error // Go's
	start  node                            // puts the task on the run queue once; its callback is the task

	// While q is locked.
	next, prev *taskCore  // in q.tasks
	co         *coroutine // set while the task runs
	tie        tie
	named      bool // the base is a loopCtx, and has the task's name
}

// runner is a task, seen by what runs it.
type runner interface {
	callback
	cell
	exec(co *coroutine)
	finish(co *coroutine, err error)
	function() any
	taskCore() *taskCore
}

func (t *task[T]) taskCore() *taskCore { return &t.core }

func (c *taskCore) runner() runner { return c.start.cb.(runner) }

func newTask[T any](ctx context.Context, t *task[T]) *Promise[T] {
	if !t.init(ctx, t) {
		return &t.Promise
	}
	q, c := t.q, &t.core
	c.q, c.start.cb = q, t
	if l, ok := ctx.(*loopCtx); ok {
		c.named = l.name != ""
	}
	above, err := c.tie.begin(q, ctx, (*taskCell)(c))
	made := q.Here()
	q.lock()
	if t.isSettled() { // its context has ended since
		q.unlock()
		return &t.Promise
	}
	listen := false
	if q.closing.Load() {
		err = ErrLoopClosed
	} else if above != nil {
		above = above.standing()
		err, listen = above.hang(&c.tie.up)
	}
	if err != nil {
		c.tie.leave()
		q.unlock()
		if err != ErrLoopClosed {
			err = canceled(err)
		}
		t.stillborn(err)
		return &t.Promise
	}
	q.tasks.add(c)
	q.mark(c, made)
	q.push(&c.start)
	q.unlock()
	if listen {
		above.listen()
	}
	return &t.Promise
}

// seek rejects a task that has not started; of a running one it ends the ctx, after the search.
func (t *task[T]) seek(s *search) fate {
	c := &t.core
	if c.co == nil {
		c.done()
		return leaf
	}
	s.end((*taskCtx)(c))
	return passed
}

// run is the step in which the task begins.
func (t *task[T]) run() {
	co := t.q.coroutine()
	if t.core.begin(co) {
		t.q.resume(co)
	} else {
		t.q.idle = append(t.q.idle, co)
	}
}

// begin gives the task to co, which is to run it next. It returns false when the task was cancelled before it began.
func (c *taskCore) begin(co *coroutine) bool {
	c.q.lock()
	defer c.q.unlock()
	if c.next == nil {
		return false
	}
	c.co, co.t = co, c
	return true
}

// exec runs the task's function to its end, in the task's coroutine. When that panics or calls runtime.Goexit, the coroutine
// goes on with finish.
func (t *task[T]) exec(co *coroutine) {
	v, err := t.f((*taskCtx)(&t.core))
	t.end(co, v, err)
}

// finish ends a task that has no value.
func (t *task[T]) finish(co *coroutine, err error) {
	var v T
	t.end(co, v, err)
}

// end settles the promise and forgets the task, in one step.
func (t *task[T]) end(co *coroutine, v T, err error) {
	q, c := t.q, &t.core
	co.unwatch()
	m := mannerOf(err)
	q.lock()
	if r := t.root(); !r.isSettled() && !q.closed.Load() {
		r.fill(v, err, m)
	}
	c.done()
	q.batch.splice(&q.ready)
	t.f, c.effect = nil, nil
	q.unlock()
}

func (t *task[T]) function() any {
	if t.core.effect != nil {
		return t.core.effect
	}
	return t.f
}

// done takes the task off its lists. q is locked.
func (c *taskCore) done() {
	c.q.tasks.remove(c)
	c.q.unmark(c)
	c.co = nil
	c.tie.leave()
}

// name is how reports speak of the task.
func (c *taskCore) name() string {
	if c.named {
		return c.tie.base.(*loopCtx).name
	}
	return "task " + funcName(c.runner().function())
}

func funcName(f any) string {
	if fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer()); fn != nil {
		return fn.Name()
	}
	return "a function"
}

// interrupt has a wait of the task look again at whether it has to end. Safe from any goroutine.
func (c *taskCore) interrupt() {
	q := c.q
	q.lock()
	c.interruptLocked()
	q.unlock()
}

func (c *taskCore) interruptLocked() {
	if c.co != nil && !c.q.closed.Load() {
		c.co.notify()
	}
}

// endWait ends a wait of the task under its own context, which has ended. q is locked.
func (c *taskCore) endWait(err error) {
	if c.co == nil || c.q.closed.Load() {
		return
	}
	if p := c.co.endWait(true); p != nil {
		c.q.cancelLocked(p, err)
	}
}

// taskList is every task of a loop that has not ended; a ring around a sentinel.
type taskList struct {
	ring taskCore
	n    int
}

func (l *taskList) add(c *taskCore) {
	if l.ring.next == nil {
		l.ring.next, l.ring.prev = &l.ring, &l.ring
	}
	last := l.ring.prev
	c.next, c.prev = &l.ring, last
	last.next, l.ring.prev = c, c
	l.n++
}

func (l *taskList) remove(c *taskCore) {
	if c.next != nil {
		l.n--
		c.prev.next, c.next.prev = c.next, c.prev
		c.next, c.prev = nil, nil
	}
}

func (l *taskList) all() []*taskCore {
	var all []*taskCore
	for c := l.ring.next; c != nil && c != &l.ring; c = c.next {
		all = append(all, c)
	}
	return all
}
