// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// resource is something open on a loop, which the loop's end closes.
type resource interface {
	// flushing reports whether the loop's end should still wait for it, within the grace: for output to leave, for a pool
	// thread to come back. It sees to it that the loop hears when that has happened.
	flushing() bool
	// shut closes it at once. Everything pending on it settles, with ErrLoopClosed or its own result.
	shut()
	link() *ringLink[resource]
}

// Close ends the loop. It cancels every task, gives them and buffered output the time of the Grace option, closes what
// is open, and returns once the loop has ended. What is pending then settles with promise.ErrLoopClosed. The error names
// the tasks, Offloads and lookups that had not ended, and output that could not be flushed; they end, or never do, without
// the loop. When it is nil nothing is left. A second Close returns the same. On the loop itself Close returns
// promise.ErrWouldDeadlock.
func (l *Loop) Close() error {
	if l.host != nil {
		return fmt.Errorf("weftio: Loop.Close: %w", errAdopted)
	}
	if id, _ := uv.CurrentThread(); id == l.id {
		return fmt.Errorf("weftio: Loop.Close on the loop itself: %w", promise.ErrWouldDeadlock)
	}
	l.mu.Lock()
	l.ending = true
	l.mu.Unlock()
	// A loop that is closed already needs no more telling.
	_ = l.Post(func() { l.stop = true })
	stuck := time.NewTimer(2*l.opts.grace + time.Second)
	defer stuck.Stop()
	select {
	case <-l.done:
		return l.err
	case <-stuck.C:
		return l.stuckError()
	}
}

// stuckError says what keeps the loop's thread from closing it. The loop ends when that lets go.
func (l *Loop) stuckError() error {
	return fmt.Errorf("weftio: close: the loop's thread does not come back from user code; not ended: %s",
		strings.Join(l.q.Busy(), ", "))
}

// Shutdown waits until every task has ended and every Hold is released, and then closes the loop, as Close does. When ctx
// ends first it closes the loop at once; the error has ctx's cause joined. On the loop itself it returns
// promise.ErrWouldDeadlock.
func (l *Loop) Shutdown(ctx context.Context) error {
	if ctx == nil {
		panic("weftio: Loop.Shutdown: the context is nil: use context.Background()")
	}
	if l.host != nil {
		return fmt.Errorf("weftio: Loop.Shutdown: %w", errAdopted)
	}
	if id, _ := uv.CurrentThread(); id == l.id {
		return fmt.Errorf("weftio: Loop.Shutdown on the loop itself: %w", promise.ErrWouldDeadlock)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for l.busy() {
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), l.Close())
		case <-l.done:
			return l.err
		case <-tick.C:
		}
	}
	return l.Close()
}

func (l *Loop) busy() bool {
	l.mu.Lock()
	holds := l.holds
	l.mu.Unlock()
	return holds > 0 || l.uv.Held() || l.q.Running() > 0
}

// end closes everything, on the loop's goroutine, after the loop body has returned.
func (l *Loop) end() {
	l.q.Host(l.drain)
	l.shutAll()
	l.q.Host(l.uv.CloseInbox)
	left := l.q.Busy()
	l.q.Host(func() { l.settle() })
	l.turnAway()
	l.q.Host(func() { l.q.Close() })
	l.q.Host(l.leave)
	l.finish(left)
}

// turnAway refuses all work from now on.
func (l *Loop) turnAway() {
	l.mu.Lock()
	l.refuse = true
	todo := l.todo
	l.todo = nil
	l.mu.Unlock()
	for _, w := range todo {
		w.refused(promise.ErrLoopClosed)
	}
}

// drain runs the loop on until the cancelled tasks have ended and the output has left, or the grace is over.
func (l *Loop) drain() {
	l.q.Stop()
	deadline := l.Now() + l.opts.grace
	for {
		l.attend()
		more := l.q.Run()
		if l.q.Running() == 0 && !l.flushing() {
			return
		}
		left := deadline - l.Now()
		if left <= 0 {
			return
		}
		l.wakeIn(left)
		l.poll(more)
		l.yield()
	}
}

// wakeIn bounds the next poll.
func (l *Loop) wakeIn(d time.Duration) {
	if due := l.Now() + d; l.due < 0 || due < l.due {
		l.WakeAt(due)
	}
}

func (l *Loop) flushing() bool {
	for k := l.open.first(); k != nil; k = l.open.after(k) {
		if k.of.flushing() {
			return true
		}
	}
	return false
}

// shutAll closes what is open.
func (l *Loop) shutAll() {
	for k := l.open.first(); k != nil; k = l.open.first() {
		r := k.of
		l.open.remove(k)
		r.shut()
	}
}

// settle turns libuv until everything that was closed has said so: what is left is a job on libuv's thread pool. A turn is
// enough for that on Unix; Windows says when it has let go of what was under way.
func (l *Loop) settle() {
	l.reclaim(l.q.Run())
	l.perform()
	l.timer.Stop()
	for range 1000 {
		mode := uv.RunNoWait
		if l.uv.Stats().Handles > ownHandles {
			mode = uv.RunOnce
			_ = l.timer.Start(10*time.Millisecond, 0, uv.CompleterFunc(func(uv.Event) {})) // it is open
		}
		n, err := l.uv.Turn(mode)
		if err != nil || n == 0 && !l.uv.Pending() && l.uv.Stats().Handles <= ownHandles {
			break
		}
		l.reclaim(l.q.Run())
		l.perform()
	}
	l.timer.Stop()
}

// ownHandles counts a loop's timer and async.
const ownHandles = 2

// finish closes the libuv loop, or leaves that to a reaper when a pool job still holds it, and publishes the result.
func (l *Loop) finish(left []string) {
	l.timer.Close(nil)
	l.async.Close(nil)
	l.settleHandles()
	if n := l.uv.Stats().Requests; n > 0 {
		left = append(left, plural(n, "name lookup"))
		go l.reap()
	} else if err := l.uv.Close(); err != nil {
		left = append(left, "libuv: "+err.Error())
	}
	uv.LeaveThread()
	unregister(l)
	theWatchdog.remove(l)
	l.err = notEnded(left)
	close(l.done)
}

func notEnded(left []string) error {
	if len(left) == 0 {
		return nil
	}
	return fmt.Errorf("weftio: close: not ended: %s", strings.Join(left, ", "))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (l *Loop) settleHandles() {
	for range 1000 {
		// What C libraries on the loop have begun to close goes on as well.
		if n, err := l.uv.Turn(uv.RunNoWait); err != nil || n == 0 && !l.uv.Pending() && !l.uv.Alive() {
			return
		}
	}
}

// reap waits for the last pool job, on a thread of its own, and frees the loop.
func (l *Loop) reap() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for l.uv.Stats().Requests > 0 {
		if _, err := l.uv.Turn(uv.RunOnce); err != nil {
			return
		}
	}
	_ = l.uv.Close()
}

// abandon frees a loop that could not start.
func (l *Loop) abandon() {
	if l.uv == nil {
		return
	}
	if l.timer != nil {
		l.timer.Close(nil)
	}
	l.settleHandles()
	_ = l.uv.Close()
}

// Stats counts what the loop holds; all zero once Close has returned nil.
func (l *Loop) Stats() Stats {
	s := Stats{Tasks: l.q.Running(), Pending: l.q.Pending()}
	if u := l.uv; u != nil {
		n := u.Stats()
		s.Handles, s.Requests, s.Tokens, s.Bytes = n.Handles, n.Requests, n.Tokens, n.Bytes
	}
	return s
}
