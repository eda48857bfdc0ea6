// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// worker does one job of a round, on one of its loops. What it does follows from its own seeds.
type worker struct {
	*round
	job   job
	seeds [2]uint64
	home  int // its loop's number
	rnd   *rand.Rand
	l     *weftio.Loop
	ctx   context.Context // its loop's

	errands sync.WaitGroup // what goes on elsewhere
}

func (w *worker) begin() {
	w.rnd = rand.New(rand.NewPCG(w.seeds[0], w.seeds[1]))
	w.l, w.ctx = w.loops[w.home], w.context(w.home)
}

func (w *worker) work() {
	w.job.do(w)
	defer w.watch(w.job.name + ": the end of its errands")()
	w.errands.Wait()
}

// fork returns a random source of its own, for another goroutine.
func (w *worker) fork() *rand.Rand { return rand.New(rand.NewPCG(w.rnd.Uint64(), 0)) }

// fail notes a problem of the job.
func (w *worker) fail(format string, args ...any) { w.round.fail(w.job.name+": "+format, args...) }

// one reports true once in n times.
func (w *worker) one(n int) bool { return w.rnd.IntN(n) == 0 }

// upTo returns a random duration.
func (w *worker) upTo(d time.Duration) time.Duration { return time.Duration(w.rnd.Int64N(int64(d))) }

// linger lets time pass on a goroutine: none, that of a yield, or enough for a loop to fall asleep.
func linger(rnd *rand.Rand) {
	switch rnd.IntN(4) {
	case 0:
	case 1:
		runtime.Gosched()
	default:
		time.Sleep(time.Duration(rnd.IntN(1000)) * time.Microsecond)
	}
}

// elsewhere calls f once, soon: on a goroutine, on a loop, or in a timer of one. Its caller does not wait for that.
func (w *worker) elsewhere(f func()) {
	f = sync.OnceFunc(f)
	rnd, loop := w.fork(), w.rnd.IntN(2)
	ctx := w.context(loop)
	w.errands.Go(func() {
		linger(rnd)
		switch rnd.IntN(4) {
		case 0, 1:
			p, r := promise.New[promise.Unit](ctx)
			_ = w.loops[loop].Post(func() { f(); r.Resolve(promise.Unit{}) })
			_ = w.settled("something posted to a loop", p)
		case 2:
			d := time.Duration(rnd.IntN(1500)) * time.Microsecond
			_ = w.settled("a timer's callback", promise.Map(promise.Sleep(ctx, d), func(u promise.Unit) (promise.Unit, error) {
				f()
				return u, nil
			}))
		}
		f() // a closed loop did not
	})
}

// settled waits, on a goroutine, until p has settled, and returns its error.
func (w *worker) settled(what string, p promise.Awaitable) error {
	defer w.watch(w.job.name + ": " + what)()
	return p.Wait(context.Background())
}

// await is p.Await under ctx, watched, on a goroutine or in a task.
func await[T any](ctx context.Context, w *worker, what string, p *promise.Promise[T]) (T, error) {
	defer w.watch(w.job.name + ": " + what)()
	return p.Await(ctx)
}

// task runs f as a task on the worker's loop and waits for its end. An error is a problem, except for that of a loop's end.
func (w *worker) task(what string, f func(ctx context.Context) error) {
	if err := w.settled(what, promise.Go(w.ctx, f)); err != nil && !w.over(err) {
		w.fail("%s: %v", what, err)
	}
}

// over reports whether err tells of the end of a loop, in a round in which loops end.
func (w *worker) over(err error) bool {
	return w.closing && (errors.Is(err, promise.ErrLoopClosed) || errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed))
}

// calledOff reports whether err tells of a timeout or of a cancellation.
func calledOff(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
