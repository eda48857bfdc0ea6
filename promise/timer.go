// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"math"
	"time"
)

// timer is an entry of a queue's timer heap, embedded in what it fires. The queue's mutex guards it.
type timer struct {
	at   int // its index in the heap plus one; 0: not there
	fire interface {
		expire()
		what() string // the function that has set the timer
	}
}

// timerHeap is a 4-ary heap: shallow, and a node's children share a cache line or two. Timers of the same time fire in the
// order they were set.
type timerHeap struct {
	slots []timerSlot
	seq   uint64
}

type timerSlot struct {
	when time.Duration
	seq  uint64
	t    *timer
}

func (s timerSlot) before(o timerSlot) bool {
	return s.when < o.when || s.when == o.when && s.seq < o.seq
}

func (h *timerHeap) len() int { return len(h.slots) }

// next returns when the first timer is due, negative when there is none.
func (h *timerHeap) next() time.Duration {
	if len(h.slots) == 0 {
		return -1
	}
	return h.slots[0].when
}

func (h *timerHeap) add(t *timer, when time.Duration) {
	h.seq++
	h.slots = append(h.slots, timerSlot{when, h.seq, t})
	h.up(len(h.slots) - 1)
}

func (h *timerHeap) remove(t *timer) {
	if t.at == 0 {
		return
	}
	i := t.at - 1
	last := len(h.slots) - 1
	moved := h.slots[last]
	h.slots[last] = timerSlot{}
	h.slots = h.slots[:last]
	t.at = 0
	if i < last {
		h.put(i, moved)
		h.down(i)
		h.up(moved.t.at - 1)
	}
	h.shrink()
}

// shrink gives memory back after a burst.
func (h *timerHeap) shrink() {
	if c := cap(h.slots); c > 1024 && len(h.slots) < c/4 {
		h.slots = append(make([]timerSlot, 0, c/2), h.slots...)
	}
}

// expire fires what is due at now, in order.
func (h *timerHeap) expire(now time.Duration) {
	for len(h.slots) > 0 && h.slots[0].when <= now {
		t := h.slots[0].t
		h.remove(t)
		t.fire.expire()
	}
}

func (h *timerHeap) put(i int, s timerSlot) {
	h.slots[i] = s
	s.t.at = i + 1
}

func (h *timerHeap) up(i int) {
	s := h.slots[i]
	for i > 0 {
		parent := (i - 1) / 4
		if !s.before(h.slots[parent]) {
			break
		}
		h.put(i, h.slots[parent])
		i = parent
	}
	h.put(i, s)
}

func (h *timerHeap) down(i int) {
	s := h.slots[i]
	for {
		least := i*4 + 1
		if least >= len(h.slots) {
			break
		}
		for c := least + 1; c < len(h.slots) && c <= i*4+4; c++ {
			if h.slots[c].before(h.slots[least]) {
				least = c
			}
		}
		if !h.slots[least].before(s) {
			break
		}
		h.put(i, h.slots[least])
		i = least
	}
	h.put(i, s)
}

// setTimer arms t to fire d from now. q is locked.
func (q *Queue) setTimer(t *timer, d time.Duration) {
	now := q.exec.Now()
	q.timers.add(t, now+min(max(d, 0), math.MaxInt64-now))
	if t.at == 1 { // the loop has to learn of an earlier time
		q.needTurn()
	}
}

// Sleep returns a promise that is fulfilled once d has passed on the loop's clock: never early, never within this call, also
// for a d that is zero or negative. Cancelling it, or the end of ctx, stops the timer. Lwt_unix.sleep.
func Sleep(ctx context.Context, d time.Duration) *Promise[Unit] {
	return newAlarm[Unit](ctx, d, nil)
}

// WithTimeout returns a promise that has p's outcome, or is rejected with ErrTimeout when p is
// still pending after d (with what p's operation says of it: a Dial adds the address); p is
// cancelled then. An outcome that is there wins over any d, so that none is lost.
// Lwt_unix.with_timeout.
func WithTimeout[T any](ctx context.Context, d time.Duration, p *Promise[T]) *Promise[T] {
	if p == nil {
		panic("promise: WithTimeout: the promise is nil")
	}
	if p.State() != StatePending {
		return p
	}
	return combine("WithTimeout", []*Promise[T]{p, newAlarm[T](ctx, d, p)}, atFirst, true, inTime[T])
}

// inTime prefers the promise to its alarm.
func inTime[T any](g *group) (T, rejection) {
	if m := &g.ins[0]; !m.p.pending() {
		return outcomeOf[T](m)
	}
	return outcomeOf[T](g.last)
}

// alarm is a promise that a timer settles: with the zero value, or with ErrTimeout when late is
// set, as that explains it.
type alarm[T any] struct {
	Promise[T]
	timer timer
	link  ctxLink
	late  givenUp
}

// givenUp is a promise of whose operation a timeout tells.
type givenUp interface {
	queue() *Queue
	explain(cause error) error
}

func newAlarm[T any](ctx context.Context, d time.Duration, late givenUp) *Promise[T] {
	a := &alarm[T]{late: late}
	if !a.init(ctx, a) || !a.follow(ctx, &a.link) {
		return &a.Promise
	}
	a.timer.fire = a
	q := a.q
	made := q.Here()
	q.lock()
	if !a.isSettled() {
		a.state.Store(a.state.Load() | hasRelease)
		q.setTimer(&a.timer, d)
		q.mark(&a.timer, made)
	}
	q.unlock()
	return &a.Promise
}

func (a *alarm[T]) seek(*search) fate { return leaf }

func (a *alarm[T]) expire() {
	var zero T
	var err error
	if a.late != nil {
		err = ErrTimeout
		if a.late.queue() == a.q {
			err = a.late.explain(err)
		}
	}
	a.root().fill(zero, err, ordinary)
}

func (a *alarm[T]) what() string {
	if a.late != nil {
		return "WithTimeout"
	}
	return "Sleep"
}

func (a *alarm[T]) release() {
	a.q.timers.remove(&a.timer)
	a.q.unmark(&a.timer)
	a.link.unlink()
}

// Pause returns a promise that is fulfilled at the loop's next turn, after I/O and timers had their chance.
// Those of one turn are fulfilled in the order they were made; one made meanwhile waits for the turn after. Lwt.pause.
func Pause(ctx context.Context) *Promise[Unit] {
	p := &pauser{}
	p.node.cb = p
	if !p.init(ctx, p) || !p.follow(ctx, &p.link) {
		return &p.Promise
	}
	q := p.q
	q.lock()
	q.pausers.push(&p.node)
	q.needTurn()
	q.unlock()
	return &p.Promise
}

type pauser struct {
	Promise[Unit]
	node node
	link ctxLink
}

func (p *pauser) run()              { p.settleInStep(Unit{}, nil) }
func (p *pauser) seek(*search) fate { return leaf }
func (p *pauser) release()          { p.link.unlink() }
