// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import "sync"

// Async wakes a loop from elsewhere.
type Async struct {
	Handle

	mu   sync.Mutex // a Send must not be under way when libuv closes the handle
	send C.uintptr_t
}

// NewAsync returns a handle whose Send has c told; without c, which may be nil, it only ends the loop's poll. Loop goroutine only. Binds uv_async_init.
func NewAsync(l *Loop, c Completer) (*Async, error) {
	if l.shared == nil {
		return nil, ErrClosed
	}
	a := &Async{}
	a.l = l
	var token C.uint64_t
	if !isNil(c) {
		token = a.listen(c)
	}
	var ptr C.uintptr_t
	if e := C.weft_async_new(l.ptr, token, &ptr); e != 0 {
		l.slots.remove(uint64(token))
		return nil, Errno(e)
	}
	a.open(l, ptr, a)
	a.send = ptr
	return a, nil
}

// Send has the Completer told on the loop: once for any number of Sends before that. It returns ErrClosed on a closed
// handle. Safe from any goroutine. Binds uv_async_send.
func (a *Async) Send() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.send == 0 {
		return ErrClosed
	}
	switch e := Errno(C.weft_async_send(a.send)); e {
	case 0:
	case EBADF: // the host of an adopted loop has closed it
		return ErrClosed
	default:
		return e
	}
	return nil
}

func (a *Async) end() {
	a.mu.Lock()
	a.send = 0
	a.mu.Unlock()
}
