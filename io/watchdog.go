// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"log/slog"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"
)

// heldLimit is how long a loop may be held by default.
const heldLimit = 100 * time.Millisecond

// ticksPerLimit is how often the watchdog looks within a limit.
const ticksPerLimit = 4

// watch is what the watchdog knows of a loop. It belongs to the watchdog's goroutine, limit and report apart, which never change.
type watch struct {
	limit  time.Duration // zero: the loop is not watched
	report func(*HeldError)

	lap  uint32 // seen running
	from time.Time
	last time.Time     // when the watchdog looked
	held time.Duration // what counts of the time since from
	told bool
}

// tick is how often the watchdog looks.
func (w *watch) tick() time.Duration { return max(w.limit/ticksPerLimit, time.Millisecond) }

// count adds the time since the last look. Where that was long ago, the machine had no time for the process, the loop's thread
// included, or did not run at all: user code is not to blame for that.
func (w *watch) count(now time.Time) {
	w.held += min(now.Sub(w.last), 2*w.tick())
	w.last = now
}

// watchdog is the goroutine that looks out for loops whose thread is held. There is one in the process while watched loops are
// open. It is awake only while one of them runs user code: a loop that begins, or comes back from its poll, rouses it.
type watchdog struct {
	mu    sync.Mutex
	loops []*Loop // replaced, never changed
	alive bool    // the goroutine is there

	parked atomic.Bool
	rouse  chan struct{} // capacity 1
}

var theWatchdog = watchdog{rouse: make(chan struct{}, 1)}

// add watches a loop from now on.
func (d *watchdog) add(l *Loop) {
	if l.watch.limit <= 0 {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.loops = append(d.loops[:len(d.loops):len(d.loops)], l)
	if !d.alive {
		d.alive = true
		go d.run()
	}
	d.running() // its first lap begins without a poll
}

// remove ends that, and with the last loop the watchdog.
func (d *watchdog) remove(l *Loop) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var left []*Loop
	for _, x := range d.loops {
		if x != l {
			left = append(left, x)
		}
	}
	if d.loops = left; len(left) == 0 {
		d.wake()
	}
}

func (d *watchdog) wake() {
	select {
	case d.rouse <- struct{}{}:
	default:
	}
}

// running is called by a watched loop whose thread begins to run user code.
func (d *watchdog) running() {
	if d.parked.Load() && d.parked.CompareAndSwap(true, false) {
		d.wake()
	}
}

// run looks until there is no loop to look after.
func (d *watchdog) run() {
	pprof.SetGoroutineLabels(context.Background()) // it is not the business of whoever started the first loop
	for d.needed() {
		next := d.look(time.Now())
		if next == 0 {
			d.parked.Store(true)
			next = d.look(time.Now()) // one may have begun before it could see that
		}
		if next == 0 {
			<-d.rouse
			continue
		}
		d.parked.Store(false)
		select {
		case <-time.After(next):
		case <-d.rouse:
		}
	}
}

// needed reports whether loops are watched; the goroutine that hears no has to end.
func (d *watchdog) needed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.alive = len(d.loops) > 0
	return d.alive
}

// look reports the loops that have been held for too long. It returns when to look again, zero when no loop runs user code.
func (d *watchdog) look(now time.Time) (next time.Duration) {
	d.mu.Lock()
	loops := d.loops
	d.mu.Unlock()
	for _, l := range loops {
		w := &l.watch
		state := l.state.Load()
		lap := state &^ (woken | asleep)
		if state&asleep != 0 {
			w.lap = lap - lapUnit // it does not run this one
			continue
		}
		if lap != w.lap || w.from.IsZero() {
			w.lap, w.from, w.last, w.held, w.told = lap, now, now, 0, false
		}
		if w.count(now); w.held >= w.limit && !w.told {
			w.told = true
			w.report(l.held(now.Sub(w.from)))
		}
		if tick := w.tick(); next == 0 || tick < next {
			next = tick
		}
	}
	return next
}

// logHeld is what is done about a held loop by default.
func logHeld(e *HeldError) { slog.Warn(e.Error(), "stack", e.Stack) }
