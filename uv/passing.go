// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import "unsafe"

// AnyHandle is a pointer to any of the handles, as *TCP.
type AnyHandle interface{ base() *Handle }

func (h *Handle) base() *Handle { return h }

// passable returns what of send goes over the pipe.
func (p *Pipe) passable(send AnyHandle) (C.uintptr_t, error) {
	if !p.isOpen() {
		return 0, ErrClosed
	}
	h := send.base()
	switch {
	case !h.isOpen():
		return 0, ErrClosed
	case h.l != p.l:
		return 0, EINVAL
	}
	return h.ptr, nil
}

// Write2 is Write, over an IPC pipe, that passes send along: a TCP, Pipe or UDP of the same loop, a listener too. What the other
// end gets is a duplicate: send is to be closed when c has been told, not before, which may fail the write with EBADF. Windows
// passes TCP only. Loop goroutine only. Binds uv_write2.
func (p *Pipe) Write2(b Buffer, n int, send AnyHandle, c Completer) error {
	h, err := p.passable(send)
	if err != nil {
		return err
	}
	return p.writeParts([]Part{{b, n}}, h, c)
}

// TryWrite2 is TryWrite, over an IPC pipe, that passes send along, as Write2 does, if it writes anything. On Windows it always
// returns EAGAIN. Loop goroutine only. Binds uv_try_write2.
func (p *Pipe) TryWrite2(b []byte, send AnyHandle) (int, error) {
	h, err := p.passable(send)
	switch {
	case err != nil:
		return 0, err
	case len(b) == 0: // the system would not send it
		return 0, EINVAL
	case p.wrote == p.l.turns+1:
		return 0, EAGAIN
	}
	p.l.flush()
	return written(C.weft_stream_try_pass(p.ptr, unsafe.Pointer(&b[0]), C.uint64_t(len(b)), h))
}

// PendingCount returns how many handles have come over an IPC pipe and were not taken: when the Completer of ReadStart is called, those
// that came with its bytes and before. Loop goroutine only. Binds uv_pipe_pending_count.
func (p *Pipe) PendingCount() int {
	if !p.isOpen() || p.in == nil || !p.in.reads {
		return 0
	}
	return len(p.in.ready)
}

// PendingType returns the kind of the oldest of them, TypeUnknown for what libuv has no name for, as a directory is, and when there is none. Loop goroutine only. Binds
// uv_pipe_pending_type.
func (p *Pipe) PendingType() HandleType {
	if p.PendingCount() == 0 {
		return TypeUnknown
	}
	return p.in.ready[0].kind
}

// AcceptPending makes h, whose Init was not called, the oldest handle that has come over an IPC pipe: a *TCP or *UDP for one of these
// kinds, a *Pipe for any other; EINVAL for another h, EAGAIN when there is none. A handle that libuv has failed to take
// returns that error, once. Those that nobody takes are closed with the pipe. libuv makes the descriptor non-blocking, also for those who share
// it; one that the system cannot wait for, such as a file's, is read as in Open. Loop goroutine only. Binds uv_accept.
func (p *Pipe) AcceptPending(h AnyHandle) error {
	switch {
	case !p.isOpen():
		return ErrClosed
	case p.PendingCount() == 0:
		return EAGAIN
	case h.base().l != nil || !fits(h, p.in.ready[0].kind):
		return EINVAL
	}
	a := p.in.take()
	if a.ptr == 0 {
		return a.err
	}
	ends, _ := h.(ender)
	h.base().open(p.l, a.ptr, ends)
	return nil
}

// fits reports whether h can be a handle of that kind.
func fits(h AnyHandle, kind HandleType) bool {
	switch h.(type) {
	case *TCP:
		return kind == TypeTCP
	case *UDP:
		return kind == TypeUDP
	case *Pipe:
		return kind != TypeTCP && kind != TypeUDP
	}
	return false
}
