// SPDX-License-Identifier: MIT

package io

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// hosted is what a loop has that somebody else runs. Loop goroutine only, thread and what Loop.mu guards apart.
type hosted struct {
	thread  uint64 // that of the loop
	lap     func()
	standIn *standIn // nil: the host's thread itself runs the turns
	more    bool     // the last lap left something to run
	held    bool     // the loop is held, for Offloads

	deadline time.Duration // of the grace
	left     []string      // what has not ended by then
	laps     int           // spent on waiting for handles to close

	// Under Loop.mu.
	leaving bool
	done    func(error)
}

var errAdopted = errors.New("the loop is adopted, and its host runs and closes it: use Loop.Detach")

// Adopt makes a loop of a libuv loop that somebody else has made and runs, a uv_loop_t *: promises, tasks and channels work within the
// host's uv_run. Call Adopt on the thread that runs the loop, before uv_run or in a callback. No user code runs inside Adopt:
// the first turn is one of the host's next uv_run.
//
// Adopt refuses nil, a loop that is adopted already, one of Run's or Start's, and one that another copy of libuv has made. A loop that then runs on another
// thread is reported to OnError, on a goroutine of its own; nothing of ours runs there, and no Hold keeps that uv_run. The thread that
// has adopted has to detach before it ends: nobody else can. C code adopts with weft_adopt of weft.h, to the same
// effect, and ends that with weft_detach: see SetAdoptOptions and Adopted. Nothing of the host's is touched: neither its
// handles nor loop->data; uv_stop is not called.
//
// On Windows, where a thread that Go has not made runs the loop, a thread of ours stands in for it: it runs our callbacks and tasks
// while the host's waits for it within uv_run. So no two of them run at a time, but what is the host's thread's own (thread-local
// storage, a COM apartment, its windows) is not there; Detach's done runs on the host's thread. This is tested under Wine alone.
//
// # What keeps the host
//
// The host's uv_run returns by itself when none of its handles and nothing of ours is left to wait for. It goes on for
//   - callbacks and tasks that can run;
//   - timers: Sleep, WithTimeout, ContextTimeout;
//   - libuv operations: a read, a write, a Dial, a Listener, a name lookup;
//   - functions given to Offload that have not returned;
//   - Hold.
//
// A promise alone does not keep it, and so neither does a task that waits for one that a goroutine or C code will resolve: Hold the
// loop meanwhile. What other goroutines start counts once the loop has seen it: a loop that may run out of work at any moment is held
// first, on its own thread.
//
// # Its end
//
// Close and Shutdown return an error. Detach gives the loop back. Until that is done uv_loop_close fails with UV_EBUSY.
//
// A host that closes all that uv_walk finds, ours included, ends the loop under our hands. libuv does not say so; the next call that
// would wake the loop finds out. OnError is then told uv.ErrHostClosed, once, what is pending reads as rejected with
// promise.ErrLoopClosed, and so does all that comes later. Tasks do not go on, callbacks and a done that was given to Detach are not
// called, and some memory is not given back.
func Adopt(uvLoop unsafe.Pointer, opts ...Option) (*Loop, error) {
	l, err := newLoop(opts)
	if err != nil {
		return nil, err
	}
	l.host = &hosted{thread: uv.ThreadNumber(), lap: l.q.Laps(l.hostedLap)}
	l.state.Store(asleep)
	l.polling = true
	register(l)
	l.uv, err = uv.Adopt(uvLoop, l.id, uv.Host{Turn: l.hostedTurn, Detach: l.Detach, Closed: l.hostedClosed, Fault: l.hostedFault})
	if err != nil {
		unregister(l)
		return nil, fmt.Errorf("weftio: %w", err)
	}
	if standsIn && l.uv.Foreign() {
		l.host.standIn = newStandIn(l.id, l.host.thread, l.turnOnHost)
	}
	if l.timer, err = uv.NewTimer(l.uv); err == nil {
		l.async, err = uv.NewAsync(l.uv, uv.CompleterFunc(func(uv.Event) {}))
	}
	if err != nil {
		l.opts.onStart, l.opts.onStop = nil, nil
		_ = l.Detach(nil) // it is adopted
		return nil, fmt.Errorf("weftio: adopt: %w", err)
	}
	l.async.Unref()
	theWatchdog.add(l)
	return l, nil
}

// Detach ends an adopted loop and gives the libuv loop back. It returns at once. The host's next turns then cancel every task, give
// them and buffered output the time of the Grace option, and close our handles, no others. done, which may be nil, is called on
// the loop's thread, in the last of our close callbacks, with the error that Close would have. From then on uv_loop_close fails for
// no handle of ours, and the loop can be adopted again.
//
// Safe from any goroutine; but a host that is not running its loop, and has nothing that would keep uv_run, learns of
// it only from a call on the loop's own thread. Of a loop that is not adopted, or is being detached, Detach returns an error.
func (l *Loop) Detach(done func(error)) error {
	if l.host == nil {
		return errors.New("weftio: Loop.Detach: the loop is not adopted: use Loop.Close")
	}
	if l.uv.Lost() {
		return fmt.Errorf("weftio: Loop.Detach: %w", uv.ErrHostClosed)
	}
	l.mu.Lock()
	again := l.host.leaving
	if !again {
		l.host.leaving, l.host.done = true, done
	}
	l.mu.Unlock()
	if again {
		return fmt.Errorf("weftio: Loop.Detach: %w", promise.ErrLoopClosed)
	}
	l.uv.Hold()
	l.Wake()
	return nil
}

// hostedTurn is what the host's uv_run calls when there is news.
func (l *Loop) hostedTurn() (more bool) {
	if s := l.host.standIn; s != nil {
		return s.turn()
	}
	return l.turnOnHost()
}

func (l *Loop) turnOnHost() (more bool) {
	if l.goroutine == "" {
		l.goroutine = goroutineID()
	}
	l.polled()
	l.host.lap()
	more = !l.fallAsleep() || l.host.more
	l.state.Or(asleep) // to the watchdog: what the thread does now is the host's business
	return more
}

// hostedLap is one lap of an adopted loop. It starts again after a callback that called runtime.Goexit.
func (l *Loop) hostedLap() (last bool) {
	l.uv.Deliver()
	l.attend()
	l.begin()
	h := l.host
	h.more = true
	more := false
	if l.at() < closed {
		more = l.q.Run()
		l.yield()
	}
	l.reclaim(more)
	l.perform()
	more = l.advance() || more
	l.keep()
	h.more = more
	return l.at() == closed && l.uv.Detach() == nil
}

// keep has Offloads that run keep the host.
func (l *Loop) keep() {
	h := l.host
	busy := l.at() < closed && l.q.Offloads() > 0
	switch {
	case busy && !h.held:
		l.uv.Hold()
	case !busy && h.held:
		l.uv.Release()
	}
	h.held = busy
}

// advance takes the end of the loop as far as it goes in this lap. It returns true when the next lap should come soon.
func (l *Loop) advance() (soon bool) {
	h := l.host
	switch l.at() {
	case living:
		l.mu.Lock()
		leaving := h.leaving
		l.mu.Unlock()
		if !leaving {
			return false
		}
		h.deadline = l.beginEnd()
		return true
	case draining:
		left := h.deadline - l.Now()
		if (l.q.Running() > 0 || l.flushing()) && left > 0 {
			l.wakeIn(left)
			return false
		}
		h.left = l.shutAll()
		l.uv.CloseInbox()
		return true
	case closing:
		if h.laps++; l.uv.Stats().Handles > ownHandles && h.laps < 1000 {
			return true
		}
		l.enter(closed) // a handler may end this lap by runtime.Goexit
		l.q.Close()
		return true
	}
	l.q.Close() // what a Goexit has left of it
	l.leave()
	if l.timer != nil {
		_ = l.timer.Close(nil) // or it is closed already
	}
	if l.async != nil {
		_ = l.async.Close(nil)
	}
	// Requests on libuv's thread pool say when they are through.
	return l.uv.Stats().Handles > 0
}

// hostedFault is told what goes wrong, on a goroutine of its own.
func (l *Loop) hostedFault(err error) {
	if errors.Is(err, uv.ErrHostClosed) {
		l.lost()
	}
	l.q.Report(err)
}

// lost ends a loop that will have no turn any more. What belongs to its thread, as tasks and callbacks do, stays as it is.
func (l *Loop) lost() {
	l.q.Abandon()
	l.enter(closed)
	unregister(l)
	theWatchdog.remove(l)
	l.err = fmt.Errorf("weftio: %w", uv.ErrHostClosed)
	close(l.done)
}

// hostedClosed is called in the last close callback.
func (l *Loop) hostedClosed() {
	if s := l.host.standIn; s != nil {
		s.end()
	}
	l.err = notEnded(append(l.q.Busy(), l.host.left...))
	unregister(l)
	theWatchdog.remove(l)
	close(l.done)
	done := l.host.done
	if done == nil {
		return
	}
	l.q.Host(func() {
		f := done
		done = func(error) {} // it has been called, should it end by runtime.Goexit
		l.hook("Detach", func(*Loop) { f(l.err) })
	})
}
