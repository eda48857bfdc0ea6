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
	// describe says what it is, "connection", and which one: its addresses. The kind is empty when it is on its way to end by itself.
	describe() (kind, name string)
	// hurry is called once, when the loop begins to end: what has not begun is withdrawn, and the loop hears when the rest is
	// through.
	hurry()
	// flushing reports whether the loop's end should still wait for it, within the grace: for output to leave, for a pool
	// thread to come back.
	flushing() bool
	// loses says what shut would lose now; empty: nothing.
	loses() string
	// shut closes it at once. Everything pending on it settles, with ErrLoopClosed or its own result.
	shut()
	link() *ringLink[resource]
}

// opened registers something that is open; made is where the user has asked for it. What comes so late that nothing would close it is closed here.
func (l *Loop) opened(r resource, made *promise.Site) {
	l.open.add(r.link(), r)
	if made != nil {
		l.made[r.link()] = made
	}
	switch s := l.at(); {
	case s >= closing:
		l.closed(r)
		r.shut()
	case s == draining:
		r.hurry()
	}
}

// Close ends the loop. It cancels every task, gives them and buffered output the time of the Grace option, closes what
// is open, and returns once the loop has ended. What is pending then settles with promise.ErrLoopClosed, and so does what is
// asked for meanwhile. The error names the tasks, Offloads and lookups that had not ended, and output that could not be flushed;
// they end, or never do, without the loop. When it is nil nothing is left. A second Close returns the same. On the loop itself
// Close returns promise.ErrWouldDeadlock.
//
// When user code, or C code, does not let go of the loop's thread, Close returns an error that says so; the loop ends, and a later
// Close returns what came of it, when that lets go.
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
	return l.awaitEnd(2*l.opts.grace + time.Second)
}

// awaitEnd returns what the loop's end says, or what keeps its thread from that when there is no lap for as long as patience. The
// loop ends when that lets go. A thread that only waits for a processor has more time.
func (l *Loop) awaitEnd(patience time.Duration) error {
	tick := time.NewTicker(patience)
	defer tick.Stop()
	lap := l.lap()
	for silence := 1; ; silence++ {
		select {
		case <-l.done:
			return l.err
		case <-tick.C:
		}
		if now := l.lap(); now != lap {
			lap, silence = now, 0
			continue
		}
		if holder := l.holder(); holder != "" {
			return l.stuckError("the loop's thread does not come back from user code, which is " + holder)
		}
		if silence == silences {
			return l.stuckError(fmt.Sprintf("the loop's thread has not answered for %v: it is in C code, or gets no processor",
				silences*patience))
		}
	}
}

// silences is how many times its patience Close waits for a thread that is in no user code of Go's.
const silences = 10

// lap returns the number of the loop's lap.
func (l *Loop) lap() uint32 { return l.state.Load() &^ (asleep | woken) }

// holder names the user code that the loop's thread is running, as far as that is known. Safe from any goroutine.
func (l *Loop) holder() string {
	if hook := l.hooked.Load(); hook != nil {
		return *hook
	}
	name, _ := l.q.Holder()
	return name
}

func (l *Loop) stuckError(why string) error {
	if busy := l.q.Busy(); len(busy) > 0 {
		why += "; not ended: " + strings.Join(busy, ", ")
	}
	return errors.New("weftio: close: " + why)
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
	deadline := l.beginEnd()
	l.q.Host(func() { l.drain(deadline) })
	lost := l.shutAll()
	l.q.Host(l.uv.CloseInbox)
	l.q.Host(l.settle)
	l.enter(closed)
	l.q.Host(func() { l.q.Close() })
	left := append(l.q.Busy(), lost...)
	l.q.Host(l.leave)
	l.finish(left)
}

// beginEnd cancels what can be cancelled. It returns when the grace is over.
func (l *Loop) beginEnd() (deadline time.Duration) {
	l.enter(draining)
	l.q.Stop()
	for k := l.open.first(); k != nil; k = l.open.after(k) {
		k.of.hurry()
	}
	return l.Now() + l.opts.grace
}

// drain runs the loop on until the cancelled tasks have ended and the output has left, or the grace is over.
func (l *Loop) drain(deadline time.Duration) {
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

// shutAll closes what is open, and refuses what would open more. It returns what is lost by that.
func (l *Loop) shutAll() (lost []string) {
	l.enter(closing)
	more := 0
	for k := l.open.first(); k != nil; k = l.open.first() {
		r := k.of
		l.closed(r)
		switch what := r.loses(); {
		case what == "":
		case len(lost) < lostNamed:
			lost = append(lost, what)
		default:
			more++
		}
		r.shut()
	}
	if more > 0 {
		lost = append(lost, fmt.Sprintf("output to %d more connections", more))
	}
	return lost
}

// lostNamed is how many connections an error of Close names.
const lostNamed = 10

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
		left = append(left, l.foreignHandles(err))
	}
	uv.LeaveThread()
	unregister(l)
	theWatchdog.remove(l)
	l.err = notEnded(left)
	close(l.done)
}

// foreignHandles says why libuv does not close the loop.
func (l *Loop) foreignHandles(err error) string {
	var types []string
	l.uv.Walk(func(h uv.HandleInfo) {
		if h.Foreign {
			types = append(types, h.Type.String())
		}
	})
	if len(types) == 0 {
		return "libuv: " + err.Error()
	}
	return fmt.Sprintf("%s of C code (%s), to be closed in OnStop", plural(len(types), "libuv handle"), strings.Join(types, ", "))
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
