// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import "unsafe"

// Stream is what TCP connections and their like share. It is embedded in each of them.
type Stream struct {
	Handle
	in    *incoming // of a listener or an IPC pipe
	sends uint64    // token of the Sends; 0: none yet
	wrote uint32    // 1 + the Turn after which Write or Send was called last; 0: never
}

func (s *Stream) end() {
	if s.in != nil {
		s.in.drop(s.l)
	}
	s.l.slots.remove(s.sends)
	s.sends = 0
}

// ReadStart has c told of what comes: of bytes in Event.Data, and of the end in Event.Status, which is EOF or a failure and
// the last event. Reading on after that meets the same end again. While the stream is read, c takes the place of the Completer
// before it. Loop goroutine only. Binds uv_read_start.
func (s *Stream) ReadStart(c Completer) error {
	switch {
	case !s.isOpen():
		return ErrClosed
	case s.listens() || isNil(c):
		return EINVAL
	}
	if s.in != nil {
		s.in.c = c
		c = s.in
	}
	return s.l.submit(C.weft_sub{handle: s.ptr, token: s.listen(c), op: C.WEFT_READ_START})
}

// ReadStop stops reading, by the next turn. Bytes that the loop has collected already are still delivered. Loop goroutine
// only. Binds uv_read_stop.
func (s *Stream) ReadStop() error {
	if !s.isOpen() {
		return ErrClosed
	}
	return s.l.submit(C.weft_sub{handle: s.ptr, op: C.WEFT_READ_STOP})
}

// Write writes the first n bytes of b, by the next turn, and has c told. b belongs to libuv until then. The Writes and Sends of
// one turn to one stream leave in one system call, and those of one stream complete in order. Loop goroutine only. Binds uv_try_write and uv_write.
func (s *Stream) Write(b Buffer, n int, c Completer) error {
	switch {
	case !s.isOpen():
		return ErrClosed
	case n <= 0 || n > b.size || int64(n) > maxWrite || isNil(c):
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
	switch {
	case !s.isOpen():
		return ErrClosed
	case isNil(c):
		return EINVAL
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

// Part is the first N bytes of a Buffer.
type Part struct {
	Buffer
	N int
}

// WriteV writes parts as one Write, at once as far as the system takes it; the buffers belong to libuv until c is told. Loop goroutine
// only. Binds uv_write.
func (s *Stream) WriteV(parts []Part, c Completer) error {
	if !s.isOpen() {
		return ErrClosed
	}
	return s.writeParts(parts, 0, c)
}

func (s *Stream) writeParts(parts []Part, send C.uintptr_t, c Completer) error {
	var few [8]C.weft_piece
	pieces := few[:0]
	for _, p := range parts {
		if p.N <= 0 || p.N > p.size || p.N > maxPart {
			return EINVAL
		}
		pieces = append(pieces, C.weft_piece{data: C.uintptr_t(uintptr(p.p)), len: C.uint64_t(p.N)})
	}
	if len(pieces) == 0 || len(pieces) > maxParts || isNil(c) {
		return EINVAL
	}
	s.l.flush()
	token := s.l.slots.add(c, true)
	if e := C.weft_stream_write(s.ptr, &pieces[0], C.uint32_t(len(pieces)), send, C.uint64_t(token)); e != 0 {
		s.l.slots.remove(token)
		return Errno(e)
	}
	return nil
}

// What libuv can count on every system.
const (
	maxPart  = 1 << 30
	maxParts = 1 << 16
)

// TryWrite writes what the system takes at once, and returns how much that is; EAGAIN when it takes nothing, or when writes
// are queued. Loop goroutine only. Binds uv_try_write.
func (s *Stream) TryWrite(p []byte) (int, error) {
	switch {
	case !s.isOpen():
		return 0, ErrClosed
	case len(p) == 0:
		return 0, nil
	case s.wrote == s.l.turns+1: // libuv does not have it yet
		return 0, EAGAIN
	}
	s.l.flush() // a Shutdown of this turn comes first
	return written(C.weft_stream_try_write(s.ptr, unsafe.Pointer(&p[0]), C.uint64_t(len(p))))
}

// TryWriteV is TryWrite of the first MiB of ps, one behind the other. Loop goroutine only. Binds uv_try_write.
func (s *Stream) TryWriteV(ps ...[]byte) (int, error) {
	switch {
	case !s.isOpen():
		return 0, ErrClosed
	case s.wrote == s.l.turns+1:
		return 0, EAGAIN
	}
	s.l.flush() // which empties the arena
	from := s.l.shared.arena_used
	for _, p := range ps {
		if room := tryMost - int(s.l.shared.arena_used-from); len(p) > room {
			p = p[:room]
		}
		if _, err := s.l.keep(p); err != nil {
			return 0, err
		}
	}
	n := s.l.shared.arena_used - from
	s.l.shared.arena_used = from
	if n == 0 {
		return 0, nil
	}
	return written(C.weft_stream_try_write(s.ptr, unsafe.Add(unsafe.Pointer(s.l.shared.arena), uintptr(from)), n))
}

// tryMost is more than systems take at once.
const tryMost = 1 << 20

func written(n C.int64_t) (int, error) {
	if n < 0 {
		return 0, Errno(n)
	}
	return int(n), nil
}

// SetBlocking makes the stream's reads and writes block the loop, as for the last words of a program; on Windows only a Pipe's.
// Loop goroutine only. Binds uv_stream_set_blocking.
func (s *Stream) SetBlocking(on bool) error {
	if err := s.ready(); err != nil {
		return err
	}
	return result(C.weft_stream_blocking(s.ptr, boolean(on)))
}

// Shutdown ends the stream's writing side after the writes that are queued, and has c told: of ENOTCONN when there is no
// connection, or it was shut down before. Loop goroutine only. Binds uv_shutdown.
func (s *Stream) Shutdown(c Completer) error {
	switch {
	case !s.isOpen():
		return ErrClosed
	case isNil(c):
		return EINVAL
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
	if s.ready() != nil {
		return 0
	}
	return int(C.weft_stream_queue(s.ptr))
}

// IsReadable reports whether the stream can be read. Loop goroutine only. Binds uv_is_readable.
func (s *Stream) IsReadable() bool { return s.state()&C.WEFT_READABLE != 0 }

// IsWritable reports whether the stream can be written. Loop goroutine only. Binds uv_is_writable.
func (s *Stream) IsWritable() bool { return s.state()&C.WEFT_WRITABLE != 0 }
