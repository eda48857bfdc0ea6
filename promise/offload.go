// SPDX-License-Identifier: MIT

package promise

import "context"

// Offload runs f on a goroutine of its own, off the loop, and returns the promise of its result: for work that blocks or
// computes for long. A panic in f rejects the promise with a *PanicError. Lwt_preemptive.detach.
//
// A loop runs so many of them at a time (see Queue.SetOffloadLimit); the others wait their turn, in order. A function that
// awaits a promise, or calls OnLoop, under the ctx it was given does not count meanwhile: so functions that wait for each other,
// or for the loop, always get on.
//
// # Cancellation
//
// Cancelling the promise, or the end of ctx, rejects the promise at once and ends the ctx that f was given; f itself
// goes on until it heeds that, and its result is dropped. An f that has not begun never runs.
//
// The ctx of an f that has returned is like that of a task that has returned: it ends when the ctx above does, and what f started
// under it goes on until then. (A context.WithCancel of its own ends earlier what shall not outlive f.)
func Offload[T any](ctx context.Context, f func(ctx context.Context) (T, error)) *Promise[T] {
	if f == nil {
		panic("promise: Offload: the function is nil")
	}
	q := QueueFrom(ctx)
	if q == nil {
		return Rejected[T](ErrNoLoop)
	}
	o := &offload[T]{f: f}
	o.job.q, o.job.op = q, o
	if !o.Init(q, o) {
		return o.Promise()
	}
	o.job.ctx.begin(&o.job, ctx)
	if !o.Follow(ctx) {
		o.job.ctx.leave()
		return o.Promise()
	}
	if !q.offloads.submit(q, &o.job) {
		o.job.ctx.end(ErrLoopClosed)
		o.Fail(ErrLoopClosed)
	}
	return o.Promise()
}

// OnLoop runs f as a task on ctx's loop and waits for its result: how a function given to Offload, or any other goroutine, does
// something on the loop. When ctx ends first, the task's ctx ends too and OnLoop returns the cause. Where waiting is impossible
// (see Await) it returns ErrWouldDeadlock, and f does not run. Lwt_preemptive.run_in_main.
func OnLoop[T any](ctx context.Context, f func(ctx context.Context) (T, error)) (v T, err error) {
	if f == nil {
		panic("promise: OnLoop: the function is nil")
	}
	if _, err := waiting(); err != nil {
		return v, err
	}
	return Spawn(ctx, f).Await(ctx)
}

// offload is the operation behind Offload.
type offload[T any] struct {
	Leaf[T]
	f   func(ctx context.Context) (T, error)
	job offloadJob
}

func (o *offload[T]) name() string { return funcName(o.f) }

// CancelOp ends f's context; one that has not begun is forgotten.
func (o *offload[T]) CancelOp(cause error) {
	o.job.ctx.end(cause)
	q := o.job.q
	q.lock()
	if q.offloads.waiting.has(&o.job) {
		q.offloads.remove(&o.job)
		o.job.ctx.tie.leave()
	}
	q.unlock()
}

func (o *offload[T]) abandon() { o.Fail(ErrLoopClosed) }

func (o *offload[T]) work() {
	v, err := *new(T), error(ErrGoexit)
	defer func() { o.finish(v, err) }()
	if !o.Pending() { // cancelled before it began
		return
	}
	if perr := protect(func() { v, err = o.f(&o.job.ctx) }, nil); perr != nil {
		err = perr
	}
}

// finish settles the promise and forgets the job, in one step: whoever sees the one sees the other.
func (o *offload[T]) finish(v T, err error) {
	q := o.job.q
	m := mannerOf(err)
	q.lock()
	q.offloads.remove(&o.job)
	o.job.ctx.tie.leave()
	if r := o.p.root(); !r.isSettled() && !q.closed.Load() {
		r.fill(v, err, m)
	}
	q.needTurn() // also without a callback: the end of the loop waits for this
	q.unlock()
}
