// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"net"
	"sync"
)

// ErrClosed is returned by what needs an open handle. It is net.ErrClosed to errors.Is.
var ErrClosed = net.ErrClosed

// Handle is what all handles share. It is embedded in each of them. A copy of a handle is none: it returns ErrClosed, as one that
// is closed does, and vet tells of it.
type Handle struct {
	_     noCopy
	self  *Handle // nil: not open
	l     *Loop
	ptr   C.uintptr_t
	token uint64 // of the handle's own events; 0: none yet
	ends  ender  // what else it takes to close it; nil: nothing
}

// noCopy has vet tell of a copy.
type noCopy struct{}

var _ sync.Locker = (*noCopy)(nil) // by which vet knows it

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// isOpen is false for a copy, too: it would not hear of the Close of what it is a copy of.
func (h *Handle) isOpen() bool { return h.self == h }

// ender is a type of handle for which closing is more than uv_close. Close is the same whether it is called of the type or of the
// Handle in it.
type ender interface {
	end() // the handle is open still
}

// Loop returns the handle's loop, nil before Init.
func (h *Handle) Loop() *Loop { return h.l }

// Close closes the handle, by the next turn; c, which may be nil, is told when it is gone. Requests that are pending on
// it complete before that, with ECANCELED. A closed handle returns ErrClosed.
//
// At once a Poll and a Signal stop, and the descriptor of a Poll, which stays open, may be closed; a TTY gives the terminal its
// first mode back; an Async waits for a Send that is under way. A stream also closes the connections, and the handles passed
// over an IPC pipe, that nobody has taken. Loop goroutine only. Binds uv_close.
func (h *Handle) Close(c Completer) error { return h.close(c, C.WEFT_CLOSE) }

func (h *Handle) close(c Completer, op C.int32_t) error {
	if !h.isOpen() {
		return ErrClosed
	}
	if h.ends != nil {
		h.ends.end()
	}
	sub := C.weft_sub{handle: h.ptr, op: op}
	if !isNil(c) {
		sub.token = C.uint64_t(h.l.slots.add(c, true))
	}
	if err := h.l.submit(sub); err != nil {
		h.l.slots.remove(uint64(sub.token))
		return err
	}
	h.l.slots.remove(h.token)
	delete(h.l.made, h.ptr)
	h.self, h.ptr, h.token = nil, 0, 0
	return nil
}

// IsClosing reports whether the handle is not open: Close was called, or Init was not. Binds uv_is_closing.
func (h *Handle) IsClosing() bool { return !h.isOpen() }

// IsActive reports whether the handle does something. Loop goroutine only. Binds uv_is_active.
func (h *Handle) IsActive() bool { return h.state()&C.WEFT_ACTIVE != 0 }

// HasRef reports whether the handle keeps the loop alive. Loop goroutine only. Binds uv_has_ref.
func (h *Handle) HasRef() bool { return h.state()&C.WEFT_HAS_REF != 0 }

func (h *Handle) state() C.int {
	if h.ready() != nil {
		return 0
	}
	return C.weft_handle_state(h.ptr)
}

// ready has what was asked of the loop before done, for a call that goes to libuv at once: a Close may hold the address that
// a Bind wants, a Send bind the socket, a Shutdown keep the next write from leaving.
func (h *Handle) ready() error {
	if !h.isOpen() {
		return ErrClosed
	}
	h.l.flush()
	return nil
}

// Ref lets the handle keep the loop alive, as it does by default. Loop goroutine only. Binds uv_ref.
func (h *Handle) Ref() { h.ref(1) }

// Unref has the loop end without regard to the handle. Loop goroutine only. Binds uv_unref.
func (h *Handle) Unref() { h.ref(0) }

func (h *Handle) ref(on C.int) {
	if h.isOpen() {
		C.weft_handle_ref(h.ptr, on)
	}
}

// open makes the handle be the one that C has made.
func (h *Handle) open(l *Loop, ptr C.uintptr_t, ends ender) {
	h.self, h.l, h.ptr, h.ends = h, l, ptr, ends
	if o := here(); o != nil {
		if l.made == nil {
			l.made = map[C.uintptr_t]*origin{}
		}
		l.made[ptr] = o
	}
}

// Type returns what kind of handle it is, TypeUnknown once it is closed. Binds uv_handle_get_type.
func (h *Handle) Type() HandleType {
	if !h.isOpen() {
		return TypeUnknown
	}
	return HandleType(C.weft_handle_type(h.ptr))
}

// Fileno returns the file descriptor, on Windows the HANDLE or SOCKET, of a TCP, Pipe, TTY, UDP or Poll; EINVAL for other
// handles, EBADF when there is none yet. It stays libuv's: closing it or changing its mode breaks the handle. Loop goroutine
// only. Binds uv_fileno.
func (h *Handle) Fileno() (uintptr, error) {
	if err := h.ready(); err != nil {
		return 0, err
	}
	var fd C.int64_t
	if e := C.weft_handle_fileno(h.ptr, &fd); e != 0 {
		return 0, Errno(e)
	}
	return uintptr(fd), nil
}

// SendBufferSize returns the size in bytes of the system's send buffer of a TCP, Pipe or UDP; Linux says twice what was set. Loop
// goroutine only. Binds uv_send_buffer_size.
func (h *Handle) SendBufferSize() (int, error) { return h.bufferSize(1, 0) }

// SetSendBufferSize sets it. Loop goroutine only. Binds uv_send_buffer_size.
func (h *Handle) SetSendBufferSize(n int) error { return h.setBufferSize(1, n) }

// RecvBufferSize returns the size in bytes of the system's receive buffer of a TCP, Pipe or UDP; Linux says twice what was
// set. Loop goroutine only. Binds uv_recv_buffer_size.
func (h *Handle) RecvBufferSize() (int, error) { return h.bufferSize(0, 0) }

// SetRecvBufferSize sets it. Loop goroutine only. Binds uv_recv_buffer_size.
func (h *Handle) SetRecvBufferSize(n int) error { return h.setBufferSize(0, n) }

func (h *Handle) setBufferSize(sending C.int, n int) error {
	if h.isOpen() && (n <= 0 || n > 1<<30) { // 0 would ask libuv for the size
		return EINVAL
	}
	_, err := h.bufferSize(sending, n)
	return err
}

func (h *Handle) bufferSize(sending C.int, n int) (int, error) {
	if err := h.ready(); err != nil {
		return 0, err
	}
	value := C.int(n)
	if e := C.weft_handle_buffer_size(h.ptr, sending, &value); e != 0 {
		return 0, Errno(e)
	}
	return int(value), nil
}

// hush makes what the loop has collected of the handle's own events lead nowhere: what was asked for before is over.
func (h *Handle) hush() {
	if h.token != 0 {
		h.token = h.l.slots.renew(h.token)
	}
}

// listen makes c the Completer of the handle's own events and returns their token.
func (h *Handle) listen(c Completer) C.uint64_t {
	if h.token == 0 {
		h.token = h.l.slots.add(c, false)
	} else {
		h.l.slots.set(h.token, c)
	}
	return C.uint64_t(h.token)
}
