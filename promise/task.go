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
func Spawn[T any](ctx context.Context, f func(ctx context.Context) (T, error)) *Promise[T] {
	if f == nil {
		panic("promise: Spawn: the function is nil")
	}
	return &newTask(ctx, f, 0).Promise
}

// Go runs f as a task, as Spawn does, for its effect. An error that nobody looks at goes to the loop's handler.
// Lwt.async.
func Go(ctx context.Context, f func(ctx context.Context) error) *Promise[Unit] {
	if f == nil {
		panic("promise: Go: the function is nil")
	}
	t := newTask(ctx, func(ctx context.Context) (Unit, error) { return Unit{}, f(ctx) }, wantsReport)
	t.core.named = f
	return &t.Promise
}

// task is a task's promise, its context and what the loop needs to run it, in one object.
type task[T any] struct {
	Promise[T]
	core taskCore
	f    func(ctx context.Context) (T, error)
}

// taskCore is the part of a task that does not depend on its type.
type taskCore struct {
	q     *Queue
	ctx   taskCtx
	body  interface{ exec() }
	named any // the function that the user passed

	next, prev *taskCore // in q.tasks, under q.mu
	started    bool      // under q.mu
	start      node

	// Loop goroutine only.
	co      *coroutine
	waiter  *waiter
	first   waiter // what waiter points to, until an abandoned wait has left it on the run queue
	waiting bool
	watch   watch

	notice    node // put on the run queue when a wait may have to end early
	noticeSet bool // under q.mu
}

func newTask[T any](ctx context.Context, f func(context.Context) (T, error), flags uint32) *task[T] {
	t := &task[T]{f: f}
	c := &t.core
	t.state.Store(flags)
	if !t.init(ctx, t) {
		return t
	}
	q := t.q
	c.q, c.body, c.named = q, t, f
	c.start.cb = (*taskStart)(c)
	c.notice.cb = (*taskNotice)(c)
	c.first.t = c
	c.first.node.cb = &c.first
	c.waiter = &c.first
	if err := c.ctx.open(ctx, q, c); err != nil {
		t.stillborn(canceled(err))
		return t
	}
	q.mu.Lock()
	switch {
	case t.isSettled(): // its context has ended since
		q.mu.Unlock()
		return t
	case q.closing.Load():
		c.ctx.leave()
		q.mu.Unlock()
		t.stillborn(ErrLoopClosed)
		return t
	}
	q.tasks.add(c)
	q.push(&c.start)
	wake := q.claimWake()
	q.mu.Unlock()
	if wake {
		q.exec.Wake()
	}
	return t
}

// seek rejects a task that has not started; of a running one it ends the ctx, after the search.
func (t *task[T]) seek(s *search) fate {
	c := &t.core
	if !c.started {
		c.done()
		return leaf
	}
	s.tasks = append(s.tasks, c)
	return passed
}

func (t *task[T]) function() any { return t.core.named }

// exec runs the task's function to its end, in the task's coroutine.
func (t *task[T]) exec() {
	v, err := t.call()
	t.end(v, err)
}

func (t *task[T]) call() (v T, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if r := recover(); r != nil {
			err = newPanicError(r)
		} else {
			t.end(v, ErrGoexit)
		}
	}()
	v, err = t.f(&t.core.ctx)
	returned = true
	return v, err
}

// end settles the promise and forgets the task, in one step.
func (t *task[T]) end(v T, err error) {
	q := t.q
	c := &t.core
	c.unwatch()
	t.f = nil
	m := mannerOf(err)
	q.mu.Lock()
	if !q.closed.Load() {
		if r := t.root(); !r.isSettled() {
			r.fill(v, err, m)
		}
	}
	c.done()
	wake := q.claimWake()
	q.mu.Unlock()
	if wake {
		q.exec.Wake()
	}
}

// done takes the task off its lists. q.mu is held.
func (c *taskCore) done() {
	c.q.tasks.remove(c)
	c.ctx.leave()
}

// name is how Close speaks of the task.
func (c *taskCore) name() string { return funcName(c.named) }

func funcName(f any) string {
	if fn := runtime.FuncForPC(reflect.ValueOf(f).Pointer()); fn != nil {
		return fn.Name()
	}
	return "a function"
}

// taskStart is the step in which a task begins.
type taskStart taskCore

func (s *taskStart) run() {
	c := (*taskCore)(s)
	c.q.mu.Lock()
	gone := c.next == nil // cancelled before it began
	c.started = true
	c.q.mu.Unlock()
	if !gone {
		c.q.resume(c)
	}
}

// taskNotice is the step in which a waiting task learns that its context or its loop is about to end.
type taskNotice taskCore

func (s *taskNotice) run() {
	c := (*taskCore)(s)
	c.q.mu.Lock()
	c.noticeSet = false
	c.q.mu.Unlock()
	if c.waiting {
		c.q.resume(c)
	}
}

// interrupt has a wait of the task look again at whether it has to end. Safe from any goroutine.
func (c *taskCore) interrupt() {
	q := c.q
	q.mu.Lock()
	wake := c.interruptLocked()
	q.mu.Unlock()
	if wake {
		q.exec.Wake()
	}
}

func (c *taskCore) interruptLocked() (wake bool) {
	if c.noticeSet || c.q.closed.Load() {
		return false
	}
	c.noticeSet = true
	c.q.push(&c.notice)
	return c.q.claimWake()
}

// taskList is every task of a loop that has not ended; a ring around a sentinel.
type taskList struct{ ring taskCore }

func (l *taskList) add(c *taskCore) {
	if l.ring.next == nil {
		l.ring.next, l.ring.prev = &l.ring, &l.ring
	}
	last := l.ring.prev
	c.next, c.prev = &l.ring, last
	last.next, l.ring.prev = c, c
}

func (l *taskList) remove(c *taskCore) {
	if c.next != nil {
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
