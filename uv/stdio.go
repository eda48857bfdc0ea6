// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// Stdio is what a child has as one of its descriptors. The zero value is Ignore.
type Stdio struct {
	kind   C.int32_t // one of uv_stdio_flags
	flags  StdioFlags
	stream *Stream
	fd     uintptr
}

// StdioFlags say what a child does with a pipe.
type StdioFlags int

// The flags of CreatePipe.
const (
	ReadablePipe StdioFlags = C.UV_READABLE_PIPE // the child reads it
	WritablePipe StdioFlags = C.UV_WRITABLE_PIPE // the child writes it
	NonblockPipe StdioFlags = C.UV_NONBLOCK_PIPE // the child's end does not block, or on Windows is overlapped: few programs want that
)

// Ignore is /dev/null as descriptor 0, 1 or 2, and nothing as another.
func Ignore() Stdio { return Stdio{} }

// CreatePipe connects p, which is open and not connected, with the child. On Unix it is a pair of sockets. The child's end of it
// that nobody reads or writes never tells of an end: say which of ReadablePipe and WritablePipe it is to the child, at
// least one.
func CreatePipe(p *Pipe, flags StdioFlags) Stdio {
	return Stdio{kind: C.UV_CREATE_PIPE, flags: flags, stream: &p.Stream}
}

// InheritFd gives the child a descriptor of this process, on Windows a HANDLE, as of os.File.Fd. As descriptor 0, 1 or 2 of the
// child it blocks from then on, here too, since both have the same open file.
func InheritFd(fd uintptr) Stdio { return Stdio{kind: C.UV_INHERIT_FD, fd: fd} }

// InheritStream gives the child the descriptor of a stream, as InheritFd does. A stream that both use loses bytes to the
// other, and one that blocks holds up its loop: this is for streams that only the child will use.
func InheritStream(s *Stream) Stdio { return Stdio{kind: C.UV_INHERIT_STREAM, stream: s} }

// stdioOf returns a child's descriptors as C wants them. What libuv would abort for, or find out when the child runs, is
// refused here.
func stdioOf(l *Loop, list []Stdio) ([]C.weft_stdio, error) {
	if len(list) > C.WEFT_STDIO_MOST {
		return nil, EINVAL
	}
	stdio := make([]C.weft_stdio, len(list))
	for i, s := range list {
		if err := s.check(l, list[:i]); err != nil {
			return nil, err
		}
		stdio[i] = C.weft_stdio{flags: s.kind | C.int32_t(s.flags), fd: C.int64_t(s.fd)}
		if s.stream != nil {
			stdio[i].stream = s.stream.ptr
		}
	}
	return stdio, nil
}

func (s Stdio) check(l *Loop, before []Stdio) error {
	const ways = ReadablePipe | WritablePipe
	switch {
	case s.kind != C.UV_CREATE_PIPE && s.kind != C.UV_INHERIT_STREAM:
		return nil
	case s.stream == nil:
		return EINVAL
	case !s.stream.isOpen():
		return ErrClosed
	case s.stream.l != l:
		return EINVAL
	case s.kind == C.UV_INHERIT_STREAM:
		return nil
	case s.flags&ways == 0 || s.flags&^(ways|NonblockPipe) != 0:
		return EINVAL
	}
	for _, b := range before {
		if b.stream == s.stream && b.kind == C.UV_CREATE_PIPE {
			return EINVAL
		}
	}
	return nil
}
