// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import "unsafe"

// Stream is what TCP connections and their like share. It is embedded in each of them.
type Stream struct {
	Handle
	in    *incoming // of a listener
	sends uint64    // token of the Sends; 0: none yet
	wrote uint32    // 1 + the Turn after which Write or Send was called last; 0: never
}

// incoming is a listener's Completer: it keeps the connections that C has accepted until Accept takes them.
type incoming struct {
	c     Completer
	ready []C.uintptr_t
}

// Complete implements Completer.
func (in *incoming) Complete(ev Event) {
	if ev.Status == 0 {
		in.ready = append(in.ready, C.uintptr_t(ev.Value))
		ev.Value = 0
	}
	in.c.Complete(ev)
}

// Listen has c told of each connection, which Accept takes, and of each failure to accept one. After ENOMEM, EMFILE and ENFILE no
// more are accepted until AcceptAgain is called. Loop goroutine only. Binds uv_listen.
func (s *Stream) Listen(backlog int, c Completer) error {
	switch {
	case s.ptr == 0:
		return ErrClosed
	case s.in != nil:
		return EALREADY
	case s.token != 0: // it is read
		return EINVAL
	}
	s.in = &incoming{c: c}
	if e := C.weft_stream_listen(s.ptr, C.int(backlog), s.listen(s.in)); e != 0 {
		s.l.slots.remove(s.token)
		s.in, s.token = nil, 0
		return Errno(e)
	}
	return nil
}

// Accept makes client, whose Init was not called, the next connection that the Completer of Listen was told of; EAGAIN when
// there is none. Those that nobody takes are closed with the listener. Loop goroutine only. Binds uv_accept.
func (s *Stream) Accept(client *TCP) error {
	switch {
	case s.ptr == 0:
		return ErrClosed
	case s.in == nil || len(s.in.ready) == 0:
		return EAGAIN
	case client.l != nil:
		return EINVAL
	}
	client.open(s.l, s.in.ready[0])
	if s.in.ready = s.in.ready[1:]; len(s.in.ready) == 0 {
		s.in.ready = nil
	}
	C.weft_stream_taken(s.ptr)
	return nil
}

// AcceptAgain has a listener go on after a failure; while there are no file descriptors it fails again. Loop goroutine only.
func (s *Stream) AcceptAgain() error {
	if s.ptr == 0 {
		return ErrClosed
	}
	C.weft_stream_retry(s.ptr)
	return nil
}

// Close is Handle.Close; a listener also closes the connections that nobody has taken. Loop goroutine only. Binds uv_close.
func (s *Stream) Close(c Completer) error { return s.close(c, C.WEFT_CLOSE) }

func (s *Stream) close(c Completer, op C.int32_t) error {
	s.dropReady()
	if s.ptr != 0 {
		s.l.slots.remove(s.sends)
		s.sends = 0
	}
	return s.Handle.close(c, op)
}

// dropReady closes the connections that nobody has taken.
func (s *Stream) dropReady() {
	if s.ptr == 0 || s.in == nil {
		return
	}
	for _, ptr := range s.in.ready {
		orphan := Handle{l: s.l, ptr: ptr}
		_ = orphan.Close(nil) // it is open
	}
	s.in.ready = nil
}

// ReadStart has c told of what comes: of bytes in Event.Data, and of the end in Event.Status, which is EOF or a failure and
// the last event. Loop goroutine only. Binds uv_read_start.
func (s *Stream) ReadStart(c Completer) error {
	switch {
	case s.ptr == 0:
		return ErrClosed
	case s.in != nil: // it listens
		return EINVAL
	}
	return s.l.submit(C.weft_sub{handle: s.ptr, token: s.listen(c), op: C.WEFT_READ_START})
}

// ReadStop stops reading, by the next turn. Bytes that the loop has collected already are still delivered. Loop goroutine
// only. Binds uv_read_stop.
func (s *Stream) ReadStop() error {
	if s.ptr == 0 {
		return ErrClosed
	}
	return s.l.submit(C.weft_sub{handle: s.ptr, op: C.WEFT_READ_STOP})
}

// Write writes the first n bytes of b, by the next turn, and has c told. b belongs to libuv until then. The Writes and Sends of
// one turn to one stream leave in one system call, and those of one stream complete in order. Loop goroutine only. Binds uv_try_write and uv_write.
func (s *Stream) Write(b Buffer, n int, c Completer) error {
	switch {
	case s.ptr == 0:
		return ErrClosed
	case n <= 0 || n > b.size || int64(n) > maxWrite:
		return EINVAL
	}
	s.wrote = s.l.turns + 1
	token := s.l.slots.add(c, true)
	err := s.l.submit(C.weft_sub{handle: s.ptr, token: C.uint64_t(token), op: C.WEFT_WRITE,
		data: C.uintptr_t(uintptr(b.p)), len: C.uint64_t(n)})
	if err != nil {
		s.l.slots.remove(token)
	}
	return err
}

// maxWrite is what C hands libuv of one write.
const maxWrite = 8 << 30

// Send writes p, of which it has made a copy when it returns, by the next turn. c, which is the same for all Sends of the stream, is
// told only what needs telling: of a failure, and of bytes that the system did not take at once (Event.Queued), followed by
// another event when they have left, of the same Value. With loud it is told in any case when all of p has left, with p's length
// as the Value, also of an empty p. A Close ends that. Loop goroutine only. Binds uv_try_write and uv_write.
func (s *Stream) Send(p []byte, loud bool, c Completer) error {
	if s.ptr == 0 {
		return ErrClosed
	}
	at, err := s.l.keep(p)
	if err != nil {
		return err
	}
	if s.sends == 0 {
		s.sends = s.l.slots.add(c, false)
	}
	s.wrote = s.l.turns + 1
	sub := C.weft_sub{handle: s.ptr, token: C.uint64_t(s.sends), op: C.WEFT_SEND, data: at, len: C.uint64_t(len(p))}
	if loud {
		sub.flags = C.WEFT_LOUD
	}
	return s.l.submit(sub)
}

// TryWrite writes what the system takes at once, and returns how much that is; EAGAIN when it takes nothing, or when writes
// are queued. Loop goroutine only. Binds uv_try_write.
func (s *Stream) TryWrite(p []byte) (int, error) {
	switch {
	case s.ptr == 0:
		return 0, ErrClosed
	case len(p) == 0:
		return 0, nil
	case s.wrote == s.l.turns+1: // libuv does not have it yet
		return 0, EAGAIN
	}
	n := C.weft_stream_try_write(s.ptr, unsafe.Pointer(&p[0]), C.uint64_t(len(p)))
	if n < 0 {
		return 0, Errno(n)
	}
	return int(n), nil
}

// Shutdown ends the stream's writing side after the writes that are queued, and has c told. Loop goroutine only. Binds
// uv_shutdown.
func (s *Stream) Shutdown(c Completer) error {
	if s.ptr == 0 {
		return ErrClosed
	}
	token := s.l.slots.add(c, true)
	err := s.l.submit(C.weft_sub{handle: s.ptr, token: C.uint64_t(token), op: C.WEFT_SHUTDOWN})
	if err != nil {
		s.l.slots.remove(token)
	}
	return err
}

// WriteQueueSize returns the bytes that libuv has queued. Loop goroutine only. Binds uv_stream_get_write_queue_size.
func (s *Stream) WriteQueueSize() int {
	if s.ptr == 0 {
		return 0
	}
	return int(C.weft_stream_queue(s.ptr))
}

// IsReadable reports whether the stream can be read. Loop goroutine only. Binds uv_is_readable.
func (s *Stream) IsReadable() bool { return s.state()&C.WEFT_READABLE != 0 }

// IsWritable reports whether the stream can be written. Loop goroutine only. Binds uv_is_writable.
func (s *Stream) IsWritable() bool { return s.state()&C.WEFT_WRITABLE != 0 }
