// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import "time"

// Timer fires once or again and again.
type Timer struct{ Handle }

// NewTimer returns a stopped timer. Loop goroutine only. Binds uv_timer_init.
func NewTimer(l *Loop) (*Timer, error) {
	if l.shared == nil {
		return nil, ErrClosed
	}
	t := &Timer{}
	var ptr C.uintptr_t
	if e := C.weft_timer_new(l.ptr, 0, &ptr); e != 0 {
		return nil, Errno(e)
	}
	t.open(l, ptr, nil)
	return t, nil
}

// Start has c told after timeout, counted from the next turn, and then at every repeat, if that is not 0. Both are rounded up
// to milliseconds. A timer that runs is started anew. Loop goroutine only. Binds uv_timer_start.
func (t *Timer) Start(timeout, repeat time.Duration, c Completer) error {
	switch {
	case !t.isOpen():
		return ErrClosed
	case isNil(c):
		return EINVAL
	}
	t.hush()
	return t.l.submit(C.weft_sub{handle: t.ptr, token: t.listen(c), op: C.WEFT_TIMER_START,
		len: millis(timeout), extra: millis(repeat)})
}

// Stop stops the timer: nothing is delivered any more. Loop goroutine only. Binds uv_timer_stop.
func (t *Timer) Stop() error {
	if !t.isOpen() {
		return ErrClosed
	}
	t.hush()
	return t.l.submit(C.weft_sub{handle: t.ptr, op: C.WEFT_TIMER_STOP})
}

// Again starts the timer anew, or again after Stop, with the repeat for timeout. It does nothing when the repeat is 0, and
// returns EINVAL when the timer was never started. Loop goroutine only. Binds uv_timer_again.
func (t *Timer) Again() error {
	switch {
	case !t.isOpen():
		return ErrClosed
	case t.token == 0:
		return EINVAL
	case t.Repeat() == 0:
		return nil
	}
	t.hush()
	if e := C.weft_timer_again(t.ptr, C.uint64_t(t.token)); e != 0 {
		return Errno(e)
	}
	return nil
}

// SetRepeat sets the repeat, which counts from the next time that the timer fires. Loop goroutine only. Binds
// uv_timer_set_repeat.
func (t *Timer) SetRepeat(repeat time.Duration) error {
	if !t.isOpen() {
		return ErrClosed
	}
	t.l.flush()
	C.weft_timer_set_repeat(t.ptr, millis(repeat))
	return nil
}

// Repeat returns the repeat, 0 when the timer fires once, or is closed. Loop goroutine only. Binds uv_timer_get_repeat.
func (t *Timer) Repeat() time.Duration {
	if !t.isOpen() {
		return 0
	}
	t.l.flush()
	return duration(C.weft_timer_repeat(t.ptr))
}

// DueIn returns how long after Loop.Now the timer fires: 0 when it is due, does not run, or is closed. Loop goroutine only.
// Binds uv_timer_get_due_in.
func (t *Timer) DueIn() time.Duration {
	if !t.isOpen() {
		return 0
	}
	t.l.flush()
	return duration(C.weft_timer_due_in(t.ptr))
}

func millis(d time.Duration) C.uint64_t {
	if d <= 0 {
		return 0
	}
	return C.uint64_t((d-1)/time.Millisecond + 1)
}

// duration is the reverse of millis: no more than the longest there is, to which rounding up has added.
func duration(ms C.uint64_t) time.Duration {
	const most = 1<<63 - 1
	if ms > most/C.uint64_t(time.Millisecond) {
		return most
	}
	return time.Duration(ms) * time.Millisecond
}
