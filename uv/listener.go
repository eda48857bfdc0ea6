// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// incoming is the Completer of a stream that handles come from: it keeps those that C has accepted until somebody takes them. They are
// the connections of a listener, of which c is told, or what was passed over an IPC pipe, where c is told of the bytes only.
type incoming struct {
	c      Completer
	ready  []arrived
	reads  bool // an IPC pipe, not a listener
	passes bool // a listener whose connections are IPC pipes
}

// arrived is a handle that nobody has taken yet.
type arrived struct {
	ptr  C.uintptr_t // 0: it was lost, to err
	kind HandleType  // TypeUnknown: a descriptor of another kind
	err  Errno
}

// Complete implements Completer.
func (in *incoming) Complete(ev Event) {
	if ev.kind == C.WEFT_CONN {
		in.ready = append(in.ready, arrived{C.uintptr_t(ev.Value), HandleType(ev.aux), ev.Status})
		if in.reads {
			return
		}
		ev.Value, ev.kind, ev.aux = 0, 0, 0
	}
	in.c.Complete(ev)
}

// take returns the oldest handle; there is one.
func (in *incoming) take() arrived {
	a := in.ready[0]
	in.ready = in.ready[:copy(in.ready, in.ready[1:])] // they are few, and the place is used again
	return a
}

// drop closes the handles that nobody has taken.
func (in *incoming) drop(l *Loop) {
	for _, a := range in.ready {
		l.closeOrphan(a.ptr)
	}
	in.ready = nil
}

// closeOrphan closes a handle that nobody has.
func (l *Loop) closeOrphan(ptr C.uintptr_t) {
	if ptr == 0 {
		return
	}
	orphan := &Handle{l: l, ptr: ptr}
	orphan.self = orphan
	_ = orphan.Close(nil) // it is open
}

func (s *Stream) listens() bool { return s.in != nil && !s.in.reads }

// Listen has c told of each connection, which Accept takes, and of each failure to accept one. After ENOMEM, EMFILE and ENFILE no
// more are accepted until AcceptAgain is called. The connections of a Pipe that was made for handles are made for them too. A
// stream that is read, has writes under way or was shut down returns EINVAL. Loop goroutine only. Binds uv_listen.
func (s *Stream) Listen(backlog int, c Completer) error {
	switch {
	case !s.isOpen():
		return ErrClosed
	case s.listens():
		return EALREADY
	case s.token != 0 || isNil(c): // it is read
		return EINVAL
	}
	before := s.in
	s.in = &incoming{c: c, passes: before != nil}
	s.l.flush()
	if e := C.weft_stream_listen(s.ptr, C.int(backlog), s.listen(s.in)); e != 0 {
		s.l.slots.remove(s.token)
		s.in, s.token = before, 0
		return Errno(e)
	}
	return nil
}

// accept makes client, of the server's kind, the next connection.
func (s *Stream) accept(client *Stream) error {
	switch {
	case !s.listens() || len(s.in.ready) == 0:
		return EAGAIN
	case client.l != nil:
		return EINVAL
	}
	client.open(s.l, s.in.take().ptr, client)
	if s.in.passes {
		client.in = &incoming{reads: true}
	}
	C.weft_stream_taken(s.ptr)
	return nil
}

// AcceptAgain has a listener go on after a failure; while there are no file descriptors it fails again. Loop goroutine only.
func (s *Stream) AcceptAgain() error {
	if !s.isOpen() {
		return ErrClosed
	}
	C.weft_stream_retry(s.ptr)
	return nil
}
