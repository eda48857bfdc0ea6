// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// PollEvents is a set of what a Poll watches for.
type PollEvents int

// What a Poll watches for.
const (
	Readable    PollEvents = C.UV_READABLE
	Writable    PollEvents = C.UV_WRITABLE
	Disconnect  PollEvents = C.UV_DISCONNECT  // the peer has ended its side; not on every system
	Prioritized PollEvents = C.UV_PRIORITIZED // out-of-band data, or what sysfs has to tell
)

const allPollEvents = Readable | Writable | Disconnect | Prioritized

// Poll watches a descriptor that somebody else reads and writes, such as a C client library.
type Poll struct{ Handle }

// NewPoll returns a Poll for a file descriptor, which it puts into non-blocking mode, and which stays the caller's. It returns
// EBADF for one that is not open, EPERM for one that the system cannot wait for, such as a file or /dev/null, EEXIST while another handle of the loop watches it, and on
// Windows ENOTSUP. A descriptor that Go's own poller knows, that of an os.File or a net.Conn, may be watched, but package os or
// net goes on to use it and closes it: hand over a duplicate. Loop goroutine only. Binds uv_poll_init.
func NewPoll(l *Loop, fd int) (*Poll, error) {
	if fd < 0 {
		return nil, EBADF
	}
	return newPoll(l, int64(fd), 0)
}

// NewPollSocket is NewPoll for a socket: a SOCKET on Windows, elsewhere a file descriptor. Loop goroutine only. Binds
// uv_poll_init_socket.
func NewPollSocket(l *Loop, socket uintptr) (*Poll, error) { return newPoll(l, int64(socket), 1) }

func newPoll(l *Loop, fd int64, isSocket C.int) (*Poll, error) {
	if l.shared == nil {
		return nil, ErrClosed
	}
	p := &Poll{}
	var ptr C.uintptr_t
	if e := C.weft_poll_new(l.ptr, C.int64_t(fd), isSocket, &ptr); e != 0 {
		return nil, Errno(e)
	}
	p.open(l, ptr, p)
	return p, nil
}

// Start has c told in every turn in which the descriptor is ready for some of the events, Event.PollEvents says which; it comes
// again in the next turn unless c reads, writes or stops. One that runs watches for the new events. No events
// stop it, and so does a failure. EEXIST: another Poll watches the same descriptor; EBADF: it is closed. An event with a Status,
// which libuv gives as EBADF, is the last. Loop goroutine only. Binds uv_poll_start.
func (p *Poll) Start(events PollEvents, c Completer) error {
	switch {
	case !p.isOpen():
		return ErrClosed
	case events&^allPollEvents != 0 || isNil(c):
		return EINVAL
	case events == 0:
		return p.Stop()
	}
	p.hush()
	if e := C.weft_poll_start(p.ptr, C.int(events), p.listen(c)); e != 0 {
		return Errno(e)
	}
	return nil
}

// Stop stops watching: nothing is delivered any more, and the descriptor may be closed. Loop goroutine only. Binds uv_poll_stop.
func (p *Poll) Stop() error {
	if !p.isOpen() {
		return ErrClosed
	}
	C.weft_poll_stop(p.ptr)
	p.hush()
	return nil
}

func (p *Poll) end() { _ = p.Stop() }

// PollEvents returns what a Poll's descriptor is ready for.
func (ev Event) PollEvents() PollEvents { return PollEvents(ev.Value) }
