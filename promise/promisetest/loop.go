// SPDX-License-Identifier: MIT

// Package promisetest runs promises and tasks on a loop that is driven by hand, with a virtual clock and no cgo: for tests
// that want to say exactly when what happens.
//
//	loop := promisetest.New()
//	defer loop.Close()
//	p := promise.Sleep(loop.Context(), time.Hour)
//	loop.Advance(time.Hour) // takes no time
//	_, err, ok := p.Poll()  // nil, true
package promisetest

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/weft-go/weft/promise"
)

// Loop is an Executor whose turns the test calls. Its methods are for one goroutine, the one that drives it; what it hands
// out (contexts, promises) is safe from any goroutine.
type Loop struct {
	q    *promise.Queue
	wake chan struct{} // capacity 1: asked to run

	mu  sync.Mutex
	now time.Duration
	due time.Duration // what WakeAt asked for; negative: nothing
}

// New returns a loop whose clock stands at zero.
func New() *Loop {
	l := &Loop{wake: make(chan struct{}, 1), due: -1}
	l.q = promise.NewQueue(l)
	return l
}

// Wake implements promise.Executor. Safe from any goroutine.
func (l *Loop) Wake() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// Now is the virtual clock. Safe from any goroutine.
func (l *Loop) Now() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// WakeAt implements promise.Executor.
func (l *Loop) WakeAt(t time.Duration) {
	l.mu.Lock()
	l.due = t
	l.mu.Unlock()
}

// EnterCoroutine implements promise.CoroutineHost.
func (l *Loop) EnterCoroutine() { setRunning(l) }

// LeaveCoroutine implements promise.CoroutineHost.
func (l *Loop) LeaveCoroutine() { setRunning(nil) }

// Queue returns the loop's queue.
func (l *Loop) Queue() *promise.Queue { return l.q }

// Context returns a context that carries the loop. Safe from any goroutine.
func (l *Loop) Context() context.Context { return l.q.Context(context.Background()) }

// Woken reports whether the loop was asked to run since its last turn began. Safe from any goroutine.
func (l *Loop) Woken() bool { return len(l.wake) > 0 }

// Turn runs one turn: what is runnable, but no pause made meanwhile. It returns whether more is runnable.
func (l *Loop) Turn() (more bool) {
	select {
	case <-l.wake: // this turn is what was asked for
	default:
	}
	l.q.Host(func() { more = l.q.Run() })
	return more
}

// Flush runs turns until nothing is runnable at the present time.
func (l *Loop) Flush() {
	for l.Turn() {
	}
}

// Advance moves the clock by d, in steps: it runs each timer at its own time, and what that makes runnable before the
// next one.
func (l *Loop) Advance(d time.Duration) {
	l.Flush()
	end := l.Now() + d
	for l.jump(end) {
		l.Flush()
	}
	l.mu.Lock()
	l.now = end
	l.mu.Unlock()
	l.Flush()
}

// jump moves the clock to the next timer, if that is due by end.
func (l *Loop) jump(end time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.due < 0 || l.due > end {
		return false
	}
	l.now = max(l.now, l.due)
	return true
}

// Run runs main as a task and drives the loop until it has ended: the clock jumps to the next timer whenever nothing is
// runnable and no Offload is out. With neither it waits for a goroutine to settle something. When main ends by
// runtime.Goexit, as a failed require does, so does the caller.
func (l *Loop) Run(main func(ctx context.Context) error) error {
	p := promise.Spawn(l.Context(), func(ctx context.Context) (promise.Unit, error) {
		return promise.Unit{}, main(ctx)
	})
	for {
		l.Flush()
		if _, err, ok := p.Poll(); ok {
			if err == promise.ErrGoexit {
				runtime.Goexit()
			}
			return err
		}
		if l.q.Offloading() > 0 || !l.jump(1<<62) {
			<-l.wake
		}
	}
}

// Close ends the loop. Tasks that are left see their Awaits fail for some turns, and Offloads have a second of real time to
// end; Close returns the names of those that did not.
func (l *Loop) Close() (left []string) {
	l.q.Stop()
	for range 4 { // a turn is bounded, but long
		if !l.Turn() {
			break
		}
	}
	deadline := time.After(time.Second)
	for expired := false; l.q.Offloading() > 0 && !expired; {
		select {
		case <-l.wake:
			l.Turn()
		case <-deadline:
			expired = true
		}
	}
	l.q.Host(func() { left = l.q.Close() })
	return left
}
