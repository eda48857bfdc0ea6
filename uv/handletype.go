// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// HandleType is libuv's kind of a handle.
type HandleType int

// The types of handles. TypeFile is no handle: GuessHandle returns it.
const (
	TypeUnknown HandleType = C.UV_UNKNOWN_HANDLE
	TypeAsync   HandleType = C.UV_ASYNC
	TypeCheck   HandleType = C.UV_CHECK
	TypeFSEvent HandleType = C.UV_FS_EVENT
	TypeFSPoll  HandleType = C.UV_FS_POLL
	TypeIdle    HandleType = C.UV_IDLE
	TypePipe    HandleType = C.UV_NAMED_PIPE
	TypePoll    HandleType = C.UV_POLL
	TypePrepare HandleType = C.UV_PREPARE
	TypeProcess HandleType = C.UV_PROCESS
	TypeTCP     HandleType = C.UV_TCP
	TypeTimer   HandleType = C.UV_TIMER
	TypeTTY     HandleType = C.UV_TTY
	TypeUDP     HandleType = C.UV_UDP
	TypeSignal  HandleType = C.UV_SIGNAL
	TypeFile    HandleType = C.UV_FILE
)

// String returns libuv's name of the type, as in "tcp"; "unknown" for one that is none. Binds uv_handle_type_name.
func (t HandleType) String() string {
	if name := C.uv_handle_type_name(C.uv_handle_type(t)); name != nil {
		return C.GoString(name)
	}
	if t == TypeFile {
		return "file"
	}
	return "unknown"
}

// GuessHandle returns the type of handle that suits a file descriptor: a TTY, Pipe, TCP or UDP, TypeFile for what only package
// os can use, TypeUnknown for one that is not open. On Windows only 0, 1 and 2 are descriptors. Safe from any goroutine. Binds
// uv_guess_handle.
func GuessHandle(fd int) HandleType {
	if fd != int(C.int(fd)) {
		return TypeUnknown
	}
	return HandleType(C.weft_guess_handle(C.int(fd)))
}
