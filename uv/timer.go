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
	t.open(l, ptr)
	return t, nil
}

// Start has c told after timeout, counted from the next turn, and then at every repeat, if that is not 0. Both are rounded up
// to milliseconds. A timer that runs is started anew. Loop goroutine only. Binds uv_timer_start.
func (t *Timer) Start(timeout, repeat time.Duration, c Completer) error {
	if t.ptr == 0 {
		return ErrClosed
	}
	return t.l.submit(C.weft_sub{handle: t.ptr, token: t.listen(c), op: C.WEFT_TIMER_START,
		len: millis(timeout), extra: millis(repeat)})
}

// Stop stops the timer. An event that the loop has collected already is still delivered. Loop goroutine only. Binds
// uv_timer_stop.
func (t *Timer) Stop() error {
	if t.ptr == 0 {
		return ErrClosed
	}
	return t.l.submit(C.weft_sub{handle: t.ptr, op: C.WEFT_TIMER_STOP})
}

func millis(d time.Duration) C.uint64_t {
	if d <= 0 {
		return 0
	}
	return C.uint64_t((d-1)/time.Millisecond + 1)
}
