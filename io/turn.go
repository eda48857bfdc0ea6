// SPDX-License-Identifier: MIT

package io

import (
	"runtime"
	"sync/atomic"
	"time"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// yieldEvery is how often a busy loop passes the scheduler. From 10 ms on without that, the runtime's monitor takes the
// goroutine's processor away at every tick, and each return from C then has to get one back.
const yieldEvery = 8 * time.Millisecond

// turns is the body of the loop: callbacks and tasks, then what they asked of libuv, then one poll, whose completions make
// the next callbacks. It starts again after a callback that called runtime.Goexit.
func (l *Loop) turns() {
	l.begin()
	for !l.stop {
		l.turn()
	}
}

// turn is one lap of the loop.
func (l *Loop) turn() {
	l.attend()
	more := l.q.Run()
	if l.stop {
		return
	}
	l.yield()
	l.poll(more)
}

// poll does the turn's work and runs libuv once. It blocks only when nothing is left to run here.
func (l *Loop) poll(more bool) {
	l.reclaim(more)
	l.perform()
	mode := uv.RunOnce
	if more || !l.fallAsleep() {
		mode = uv.RunNoWait
	}
	if _, err := l.uv.Turn(mode); err != nil {
		l.q.Report(err)
	}
}

// attend forgets that the loop was woken: what for, it finds from here on.
func (l *Loop) attend() { l.state.Store(l.state.Load() &^ woken) }

// fallAsleep notes that the loop may sleep, so that whoever has work for it wakes it. It returns false when somebody has.
func (l *Loop) fallAsleep() bool {
	lap := l.state.Load() &^ woken
	return l.state.CompareAndSwap(lap, lap|asleep)
}

// reclaim has Inputs copy what they still have of libuv's memory, before the poll that ends it. When the run queue is empty
// they have nothing: the steps that read it have run.
func (l *Loop) reclaim(more bool) {
	if more {
		for _, in := range l.lent {
			in.keep()
		}
	}
	clear(l.lent)
	l.lent = l.lent[:0]
}

// perform does what was scheduled, and what that schedules.
func (l *Loop) perform() {
	for {
		l.mu.Lock()
		if len(l.todo) == 0 {
			l.polling = true
			l.mu.Unlock()
			return
		}
		batch := l.todo
		l.todo = l.spare[:0]
		l.mu.Unlock()
		for i, w := range batch {
			batch[i] = nil
			w.perform()
		}
		l.spare = batch
	}
}

// polled is called when uv_run has returned, before its completions are delivered: from here on the loop needs no waking, and a new
// lap begins.
func (l *Loop) polled() {
	l.state.Store((l.state.Load() + lapUnit) &^ (asleep | woken))
	if l.watch.limit > 0 {
		theWatchdog.running()
	}
	l.mu.Lock()
	l.polling = false
	l.mu.Unlock()
}

// Wake implements promise.Executor: the loop runs its queue soon. Only one that sleeps costs more than a load.
func (l *Loop) Wake() {
	if l.state.Load()&woken != 0 {
		return
	}
	if old := l.state.Or(woken); old&(woken|asleep) == asleep {
		l.rouse()
	}
}

// rouse ends the poll. On the thread of an adopted loop, outside its turns, it also keeps the host's uv_run from returning.
func (l *Loop) rouse() {
	if l.host != nil && l.host.thread == uv.ThreadNumber() {
		l.uv.News()
	} else {
		_ = l.async.Send() // a closed one belongs to a loop that has ended
	}
	l.uv.Lost() // or nobody would come to tell
}

// WakeAt implements promise.Executor.
func (l *Loop) WakeAt(t time.Duration) {
	l.due = t
	l.arm()
}

// arm starts the libuv timer for l.due. libuv counts from its cached time, in whole milliseconds, so the timer may fire a
// little early: then it is armed again.
func (l *Loop) arm() {
	if l.due < 0 {
		l.timer.Stop()
		return
	}
	wait := max(l.due-l.Now(), 0)
	if err := l.timer.Start(wait, 0, (*alarm)(l)); err != nil {
		l.q.Report(err)
	}
}

// alarm is the loop, as the completer of its timer.
type alarm Loop

// Complete is called when the timer fires. The turn that follows runs the queue, which finds what is due.
func (a *alarm) Complete(uv.Event) {
	if l := (*Loop)(a); l.due >= 0 && l.Now() < l.due {
		l.arm()
	}
}

// yield passes the scheduler now and then; and before the poll when callbacks have woken goroutines, which would else wait for
// the monitor to take the processor of a thread that sleeps in C.
func (l *Loop) yield() {
	if l.q.Woke() {
		l.yielded = l.uv.Now()
		runtime.Gosched()
		return
	}
	if now := l.uv.Now(); now-l.yielded >= yieldEvery {
		l.yielded = now
		runtime.Gosched()
	}
}

// loops holds every open loop at the slot that its id names, so that a thread's id leads to its loop. An id is a slot and a
// number that is never used again: what outlives a loop does not take the next one for it.
var (
	loops   atomic.Pointer[[]*Loop]
	loopSeq atomic.Uint64
)

const slotBits = 16

func init() {
	loops.Store(&[]*Loop{})
	promise.RegisterLocator(func() (*promise.Queue, bool) {
		id, nested := uv.CurrentThread()
		if id == 0 {
			return nil, false
		}
		if l := loopOfID(id); l != nil {
			return l.q, nested
		}
		return nil, false
	})
}

// loopOfID returns the open loop with an id, nil when there is none.
func loopOfID(id uint64) *Loop {
	all := *loops.Load()
	if l := all[id&(1<<slotBits-1)]; l != nil && l.id == id {
		return l
	}
	return nil
}

// register gives a loop its id, which is never 0.
func register(l *Loop) {
	seq := loopSeq.Add(1)
	for {
		old := loops.Load()
		all := append([]*Loop(nil), *old...)
		slot := freeSlot(all)
		if slot == len(all) {
			all = append(all, nil)
		}
		all[slot] = l
		l.id = seq<<slotBits | uint64(slot)
		if loops.CompareAndSwap(old, &all) {
			return
		}
	}
}

func freeSlot(all []*Loop) int {
	for slot := range all {
		if all[slot] == nil {
			return slot
		}
	}
	return len(all)
}

func unregister(l *Loop) {
	for {
		old := loops.Load()
		all := append([]*Loop(nil), *old...)
		all[l.id&(1<<slotBits-1)] = nil
		if loops.CompareAndSwap(old, &all) {
			return
		}
	}
}
