// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"runtime"
	"strings"
	"unsafe"
)

// Pipe is a Unix socket or pipe, on Windows a named pipe: a connection or a listener. Its zero value, for Init or Accept, may
// be embedded.
type Pipe struct{ Stream }

// NewPipe returns a handle without a socket yet; ipc says that handles will be passed over it, or, when it listens, over its
// connections. Loop goroutine only. Binds uv_pipe_init.
func NewPipe(l *Loop, ipc bool) (*Pipe, error) {
	p := &Pipe{}
	if err := p.Init(l, ipc); err != nil {
		return nil, err
	}
	return p, nil
}

// Init makes the handle of a zero Pipe, as NewPipe does. Loop goroutine only. Binds uv_pipe_init.
func (p *Pipe) Init(l *Loop, ipc bool) error {
	switch {
	case l.shared == nil:
		return ErrClosed
	case p.l != nil:
		return EALREADY
	}
	var ptr C.uintptr_t
	if e := C.weft_pipe_new(l.ptr, boolean(ipc), &ptr); e != 0 {
		return Errno(e)
	}
	p.open(l, ptr, &p.Stream)
	if ipc {
		p.in = &incoming{reads: true}
	}
	return nil
}

// Open makes the handle be a pipe or Unix socket that exists, on Windows a file descriptor as PipePair returns it. When it returns nil
// the descriptor is libuv's, which has made it non-blocking, also for those who share it, and closes it, 0, 1 and 2
// apart: a file of Go's, which Go closes too, is duplicated for it first. What the system cannot wait for, such as a file or
// /dev/null, is written without waiting, and reading it ends at once, with EPERM. A descriptor that another handle of the loop
// watches returns EEXIST; one that it has but does not watch yet is taken, for both to close: it is for one handle. One
// that is closed elsewhere fails what is asked of the handle from then on, with EBADF or another error of the system; what was
// already waiting for it may wait until Close. Loop goroutine only. Binds uv_pipe_open.
func (p *Pipe) Open(fd uintptr) error {
	if err := p.ready(); err != nil {
		return err
	}
	return result(C.weft_pipe_open(p.ptr, C.uintptr_t(fd)))
}

// Bind gives the socket a name: a file's, which is removed when the handle closes, on Windows that of a named pipe. On Linux a name that
// begins with @ or a NUL is abstract: there is no file; ENOTSUP before libuv 1.46. A name that is too long is refused with
// ENAMETOOLONG, one in a folder that does not exist with ENOENT. Loop goroutine only. Binds uv_pipe_bind2.
func (p *Pipe) Bind(name string) error {
	if err := p.ready(); err != nil {
		return err
	}
	name = pipeName(name)
	return result(C.weft_pipe_bind(p.ptr, chars(name), C.size_t(len(name))))
}

// Connect connects to a name as in Bind, and has c told. Close cancels it. One that has failed may be tried again; on Windows
// that takes another Pipe. Loop goroutine only. Binds uv_pipe_connect2.
func (p *Pipe) Connect(name string, c Completer) error {
	if err := p.ready(); err != nil {
		return err
	}
	if p.listens() || isNil(c) {
		return EINVAL
	}
	name = pipeName(name)
	token := p.l.slots.add(c, true)
	if e := C.weft_pipe_connect(p.ptr, chars(name), C.size_t(len(name)), C.uint64_t(token)); e != 0 {
		p.l.slots.remove(token)
		return Errno(e)
	}
	return nil
}

const abstractNames = runtime.GOOS == "linux" || runtime.GOOS == "android"

// pipeName is a name as libuv has it.
func pipeName(name string) string {
	if abstractNames && strings.HasPrefix(name, "@") {
		return "\x00" + name[1:]
	}
	return name
}

func chars(s string) *C.char { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }

// Accept makes client, whose Init was not called, the next connection that the Completer of Listen was told of; EAGAIN when
// there is none. Those that nobody takes are closed with the listener. Loop goroutine only. Binds uv_accept.
func (p *Pipe) Accept(client *Pipe) error {
	if !p.isOpen() {
		return ErrClosed
	}
	return p.accept(&client.Stream)
}

// Sockname returns the name that the socket is bound to, an abstract one with an @ in front; "" when there is none. Loop goroutine
// only. Binds uv_pipe_getsockname.
func (p *Pipe) Sockname() (string, error) { return p.name(0) }

// Peername returns the name that the other end is bound to, as Sockname does. Loop goroutine only. Binds uv_pipe_getpeername.
func (p *Pipe) Peername() (string, error) { return p.name(1) }

func (p *Pipe) name(peer C.int) (string, error) {
	if !p.isOpen() {
		return "", ErrClosed
	}
	var buf [1024]byte
	n := C.weft_pipe_name(p.ptr, peer, (*C.char)(unsafe.Pointer(&buf[0])), C.size_t(len(buf)))
	switch {
	case n < 0:
		return "", Errno(n)
	case abstractNames && n > 0 && buf[0] == 0:
		buf[0] = '@'
	}
	return string(buf[:n]), nil
}

// PipeMode says what other users may do with a pipe.
type PipeMode int

// The modes of Chmod.
const (
	PipeReadable PipeMode = C.UV_READABLE
	PipeWritable PipeMode = C.UV_WRITABLE
)

// Chmod gives other users access to the name that the pipe is bound to, in addition to what they have. It blocks the loop. Loop goroutine
// only. Binds uv_pipe_chmod.
func (p *Pipe) Chmod(mode PipeMode) error {
	if !p.isOpen() {
		return ErrClosed
	}
	return result(C.weft_pipe_chmod(p.ptr, C.int(mode)))
}

// PendingInstances says, before Bind, how many connections may wait for a listener on Windows; elsewhere it does nothing. Loop
// goroutine only. Binds uv_pipe_pending_instances.
func (p *Pipe) PendingInstances(n int) error {
	switch {
	case !p.isOpen():
		return ErrClosed
	case n < 1 || n > 1<<16:
		return EINVAL
	}
	C.weft_pipe_instances(p.ptr, C.int(n))
	return nil
}

// PairFlags change what PipePair and SocketPair return.
type PairFlags int

// NonBlocking makes an end non-blocking, as libuv needs it; on Windows, able to overlap. Open does it too, but not on Windows.
const NonBlocking PairFlags = C.UV_NONBLOCK_PIPE

// PipePair returns the ends of a pipe, for Open. Nobody else inherits them. Safe from any goroutine. Binds uv_pipe.
func PipePair(read, write PairFlags) (r, w uintptr, err error) {
	var fds [2]C.uintptr_t
	if e := C.weft_pipe_pair(C.int(read), C.int(write), &fds[0]); e != 0 {
		return 0, 0, Errno(e)
	}
	return uintptr(fds[0]), uintptr(fds[1]), nil
}
