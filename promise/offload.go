// SPDX-License-Identifier: MIT

package promise

import "context"

// Offload runs f on a goroutine of its own, off the loop, and returns the promise of its result: for work that blocks or
// computes for long. A panic in f rejects the promise with a *PanicError. Lwt_preemptive.detach.
//
// # Cancellation
//
// Cancelling the promise, or the end of ctx, rejects the promise at once and ends the ctx that f was given; f itself
// goes on until it heeds that, and its result is dropped.
func Offload[T any](ctx context.Context, f func(ctx context.Context) (T, error)) *Promise[T] {
	if f == nil {
		panic("promise: Offload: the function is nil")
	}
	o := &offload[T]{f: f}
	q := QueueFrom(ctx)
	if q == nil {
		return Rejected[T](ErrNoLoop)
	}
	o.ctx, o.end = context.WithCancelCause(ctx)
	if !o.Init(q, o) || !o.Follow(ctx) {
		o.end(nil)
		return o.Promise()
	}
	o.job.name = func() string { return funcName(f) }
	o.job.end = o.end
	q.mu.Lock()
	if q.closing.Load() {
		q.mu.Unlock()
		o.end(nil)
		o.Fail(ErrLoopClosed)
		return o.Promise()
	}
	q.offloads.add(&o.job)
	q.mu.Unlock()
	go o.work(q)
	return o.Promise()
}

type offload[T any] struct {
	Leaf[T]
	ctx context.Context
	end context.CancelCauseFunc
	f   func(ctx context.Context) (T, error)
	job offloadJob
}

// CancelOp ends f's context.
func (o *offload[T]) CancelOp(cause error) { o.end(cause) }

func (o *offload[T]) work(q *Queue) {
	v, err := *new(T), error(ErrGoexit)
	defer func() {
		o.end(nil)
		o.finish(q, v, err)
	}()
	if perr := protect(func() { v, err = o.f(o.ctx) }, nil); perr != nil {
		err = perr
	}
}

// finish settles the promise and forgets the job, in one step: whoever sees the one sees the other.
func (o *offload[T]) finish(q *Queue, v T, err error) {
	m := mannerOf(err)
	q.mu.Lock()
	q.offloads.remove(&o.job)
	if r := o.p.root(); !r.isSettled() && !q.closed.Load() {
		r.fill(v, err, m)
	}
	wake := q.claimWake() || q.claimTurn() // also without a callback: the end of the loop waits for this
	q.mu.Unlock()
	if wake {
		q.exec.Wake()
	}
}

// offloadJob is an Offload that has not returned, as the end of the loop sees it.
type offloadJob struct {
	name func() string
	end  context.CancelCauseFunc
}

type offloadList map[*offloadJob]struct{}

func (l *offloadList) add(j *offloadJob) {
	if *l == nil {
		*l = offloadList{}
	}
	(*l)[j] = struct{}{}
}

func (l offloadList) remove(j *offloadJob) { delete(l, j) }

// Offloading returns how many functions given to Offload have not returned. Safe from any goroutine.
func (q *Queue) Offloading() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.offloads)
}
