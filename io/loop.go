// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// Loop is a libuv loop with its promises and tasks. Run and Start make one. Its methods are safe from any goroutine.
type Loop struct {
	id    uint64
	opts  options
	uv    *uv.Loop
	q     *promise.Queue
	timer *uv.Timer // the one timer that the queue's heap sits on
	async *uv.Async // wakes the loop out of its poll
	host  *hosted   // nil: this package runs the loop
	epoch time.Time // zero of the loop's clock

	state atomic.Uint32 // the lap, with woken or asleep

	hooked atomic.Pointer[string] // the name of the function of an option that runs

	watch     watch
	goroutine string // its number, in stack traces

	mu      sync.Mutex
	todo    []work        // what the loop does before its next poll
	polling bool          // the loop found nothing to do and is about to poll
	stage   stage         // of its end
	holds   int           // Hold not yet released
	ending  bool          // Close or Shutdown was called
	done    chan struct{} // closed once err is final
	err     error         // what Close returns

	// Loop goroutine only.
	spare   []work         // todo's other buffer
	lent    []*Input       // those that hold libuv's memory beyond the completions
	open    ring[resource] // what Close has to close
	made    origins        // where that was made
	due     time.Duration
	yielded time.Duration
	stop    bool // leave the loop body
	begun   int  // OnStart functions called
	ended   int  // OnStop functions called
}

// work is something that has to touch libuv, and so waits for the loop's goroutine. It is done after the callbacks of a turn
// and before the poll, so that all of a turn's work crosses into C together.
type work interface {
	perform()
	refused(err error) // perform will not be called
	until() stage      // of the loop's end: from there on it is refused
}

// Bits of Loop.state, beside the number of the lap, which a loop that comes back from its poll counts up.
const (
	asleep  uint32 = 1 << iota // it is in its poll, and may sleep there
	woken                      // somebody has work for it, and has woken it if it slept
	lapUnit                    // one lap
)

// ErrNested is returned by Run on a thread that runs a loop already.
var ErrNested = errors.New("weftio: Run inside a loop: this thread runs one already: use promise.Spawn on its ctx, or Start another loop")

func newLoop(opts []Option) (*Loop, error) {
	l := &Loop{opts: defaults(), epoch: time.Now(), done: make(chan struct{}), due: -1}
	for _, o := range opts {
		o(&l.opts)
	}
	l.watch = watch{limit: l.opts.held, report: l.opts.onHeld}
	l.q = promise.NewQueue(l)
	if l.opts.onError != nil {
		l.q.SetHandler(func(err error) { l.call("OnError", func() { l.opts.onError(err) }) })
	}
	if l.opts.track {
		l.q.Track()
		l.made = origins{}
	}
	if l.opts.offload != 0 {
		l.q.SetOffloadLimit(l.opts.offload)
	}
	return l, nil
}

// start makes the libuv side, on the thread that will run it.
func (l *Loop) start() (err error) {
	if l.uv, err = uv.NewLoop(); err != nil {
		return fmt.Errorf("weftio: new loop: %w", err)
	}
	l.uv.OnPoll, l.uv.OnRelease = l.polled, l.released
	if l.timer, err = uv.NewTimer(l.uv); err != nil {
		return fmt.Errorf("weftio: new loop: %w", err)
	}
	if l.async, err = uv.NewAsync(l.uv, uv.CompleterFunc(func(uv.Event) {})); err != nil {
		return fmt.Errorf("weftio: new loop: %w", err)
	}
	l.goroutine = goroutineID()
	register(l)
	uv.EnterThread(l.id)
	theWatchdog.add(l)
	return nil
}

// Run makes this goroutine the loop, runs main as a task on it, and returns what main returns once that has ended (and
// every Hold is released). It then closes the loop, as Close does; an error of that is joined to main's. When ctx ends, so
// does the ctx that main is given. Inside a loop Run returns ErrNested. Lwt_main.run.
//
// When main ends by runtime.Goexit, as a failed require in a test does, Run closes the loop and then ends the
// calling goroutine likewise.
func Run(ctx context.Context, main func(ctx context.Context) error, opts ...Option) error {
	if main == nil {
		panic("weftio: Run: main is nil")
	}
	if ctx == nil {
		panic("weftio: Run: the context is nil: use context.Background()")
	}
	if id, _ := uv.CurrentThread(); id != 0 {
		return ErrNested
	}
	l, err := newLoop(opts)
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := l.start(); err != nil {
		l.abandon()
		return err
	}
	p := promise.Go(l.q.Context(ctx), main)
	p.OnSettle(func(promise.Unit, error) { l.mainEnded() })
	l.live()
	merr := context.Canceled
	if _, err, ok := p.Poll(); ok {
		merr = err
	}
	if merr == promise.ErrGoexit {
		runtime.Goexit()
	}
	return joinClose(merr, l.err)
}

// joinClose returns main's error, and Close's after it.
func joinClose(main, end error) error {
	switch {
	case end == nil:
		return main
	case main == nil:
		return end
	}
	return errors.Join(main, end)
}

// Start makes a loop that runs in the background, on a goroutine and thread of its own, until Close or Shutdown.
func Start(opts ...Option) (*Loop, error) {
	l, err := newLoop(opts)
	if err != nil {
		return nil, err
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		// The thread ends with the goroutine only if that stays locked; unlock it, so that it can be used again.
		defer runtime.UnlockOSThread()
		if err := l.start(); err != nil {
			l.abandon()
			started <- err
			return
		}
		started <- nil
		l.live()
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return l, nil
}

// begin calls the functions of OnStart, before anything else.
func (l *Loop) begin() {
	for l.begun < len(l.opts.onStart) {
		l.begun++
		l.hook("OnStart", l.opts.onStart[l.begun-1])
	}
}

// leave calls those of OnStop, the last one first.
func (l *Loop) leave() {
	for l.ended < len(l.opts.onStop) {
		l.ended++
		l.hook("OnStop", l.opts.onStop[len(l.opts.onStop)-l.ended])
	}
}

// hook calls a function that an option has given.
func (l *Loop) hook(option string, f func(*Loop)) {
	defer func() {
		if v := recover(); v != nil {
			l.q.Report(&promise.PanicError{Value: v, Stack: debug.Stack()})
		}
	}()
	l.call(option, func() { f(l) })
}

// call calls f, the function of an option, and names it for as long as it runs.
func (l *Loop) call(option string, f func()) {
	name := "a function given to " + option
	outer := l.hooked.Swap(&name)
	defer l.hooked.Store(outer)
	f()
}

// live turns the loop until it is told to end, and ends it.
func (l *Loop) live() {
	l.q.Host(l.turns)
	l.end()
}

// mainEnded is called on the loop when Run's main has settled.
func (l *Loop) mainEnded() {
	l.mu.Lock()
	held := l.holds > 0
	l.ending = true
	l.mu.Unlock()
	if !held {
		l.released()
	}
}

// Context returns a context derived from ctx that carries the loop: what is started with it lives here.
func (l *Loop) Context(ctx context.Context) context.Context { return l.q.Context(ctx) }

// LoopFrom returns the loop that ctx carries, nil when it carries none of this package's.
func LoopFrom(ctx context.Context) *Loop {
	q := promise.QueueFrom(ctx)
	if q == nil {
		return nil
	}
	l, _ := q.Executor().(*Loop)
	return l
}

// loopOf returns ctx's loop, or the error that a promise without one is rejected with.
func loopOf(ctx context.Context) (*Loop, error) {
	if l := LoopFrom(ctx); l != nil {
		return l, nil
	}
	return nil, promise.ErrNoLoop
}

// Post has f run on the loop, in a later step, after what is queued already. It returns promise.ErrLoopClosed when the loop
// has ended. A panic in f goes to the loop's error handler. Lwt_preemptive.run_in_main_dont_wait.
func (l *Loop) Post(f func()) error { return l.q.Post(f) }

// Do runs f on the loop and returns when it has: at once, when the caller is on the loop. When ctx ends first it returns
// ctx's cause; f may still run. When the loop is closing it returns promise.ErrLoopClosed, and f does not run. f must not wait for
// promises: it is a callback. When f panics, Do returns the *promise.PanicError.
func (l *Loop) Do(ctx context.Context, f func()) error {
	if f == nil {
		panic("weftio: Loop.Do: the function is nil")
	}
	if id, _ := uv.CurrentThread(); id == l.id {
		f()
		return nil
	}
	p, r := promise.New[promise.Unit](l.Context(context.WithoutCancel(ctx)))
	if _, err, over := p.Poll(); over { // the loop is closing, and nobody could be told that f has run
		return err
	}
	if err := l.Post(func() { report(r, f) }); err != nil {
		return err
	}
	return p.NoCancel().Wait(ctx)
}

// here runs f on the loop: at once, when the caller is, and otherwise in a later step. A loop that has ended does not need it run.
func (l *Loop) here(f func()) {
	if id, _ := uv.CurrentThread(); id == l.id {
		f()
		return
	}
	_ = l.q.Post(f)
}

// report runs f and settles r with what became of it.
func report(r *promise.Resolver[promise.Unit], f func()) {
	err := promise.ErrGoexit
	defer func() {
		if v := recover(); v != nil {
			err = &promise.PanicError{Value: v, Stack: debug.Stack()}
		}
		r.Settle(promise.Unit{}, err)
	}()
	f()
	err = nil
}

// UVLoop returns the libuv loop, a uv_loop_t *, for C libraries that attach to one. Use it on the loop only (see Do), and
// not after Close.
func (l *Loop) UVLoop() unsafe.Pointer { return l.uv.Pointer() }

// CLoop returns the weft_loop * of weft.h, for C code that posts to the loop; nil once the loop is closed. Safe from any goroutine.
func (l *Loop) CLoop() unsafe.Pointer { return l.uv.CLoop() }

// Tokens lists what C code has not settled, and the promises that it has not waited for; where they were made, in debug mode
// (uv.SetDebug). Safe from any goroutine.
func (l *Loop) Tokens() []uv.TokenInfo { return l.uv.Tokens() }

// Hold keeps Run from returning after main has, Shutdown from closing the loop, and the host's uv_run of an adopted loop from
// returning, until release is called. A second call of release does nothing. C code does the same with weft_hold of weft.h.
func (l *Loop) Hold() (release func()) {
	if l.host != nil {
		l.uv.Hold()
		return sync.OnceFunc(l.uv.Release)
	}
	l.mu.Lock()
	l.holds++
	l.mu.Unlock()
	var once sync.Once
	return func() { once.Do(l.unhold) }
}

func (l *Loop) unhold() {
	l.mu.Lock()
	l.holds--
	last := l.holds == 0 && l.ending
	l.mu.Unlock()
	if last {
		_ = l.Post(l.released) // a loop that is closed needs no more telling
	}
}

// released stops a loop whose main has ended, unless it is held: by Hold, or by C code.
func (l *Loop) released() {
	l.mu.Lock()
	last := l.holds == 0 && l.ending
	l.mu.Unlock()
	if last && !l.uv.Held() {
		l.stop = true
	}
}

// Stats counts what a loop holds.
type Stats struct {
	Handles  int   // libuv handles, the loop's own two included
	Requests int   // libuv requests under way
	Tokens   int   // callbacks that C may still make
	Bytes    int64 // C memory
	Tasks    int   // tasks and Offloads that have not returned
	Pending  int   // promises that have not settled
}

// Now implements promise.Executor: the loop's monotonic clock.
func (l *Loop) Now() time.Duration { return time.Since(l.epoch) }
