// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"context"
	"io"
	"syscall"
	"unsafe"
)

// Errno is one of libuv's error codes: negative, and the system's where that has one. errors.Is holds between it and what
// package syscall, fs, io (EOF), context (ECANCELED is Canceled) and errors (ErrUnsupported) call the same.
type Errno int32

//go:generate sh -c "go run ./internal/errnos `pkg-config --variable=includedir libuv`/uv.h >errno_codes.go"

// Error returns libuv's text. Binds uv_strerror_r.
func (e Errno) Error() string {
	if n, ok := newErrnos[e]; ok {
		return n.text
	}
	var buf [128]byte
	C.weft_error_text(C.int(e), (*C.char)(unsafe.Pointer(&buf[0])), C.size_t(len(buf)))
	return cString(buf[:])
}

// Name returns the code's name, as in "ECONNREFUSED". Binds uv_err_name_r.
func (e Errno) Name() string {
	if n, ok := newErrnos[e]; ok {
		return n.name
	}
	var buf [128]byte
	C.weft_error_name(C.int(e), (*C.char)(unsafe.Pointer(&buf[0])), C.size_t(len(buf)))
	return cString(buf[:])
}

func cString(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// Is answers errors.Is for sentinels that are no codes, and for codes of the system. Binds uv_translate_sys_error.
func (e Errno) Is(target error) bool {
	switch target {
	case context.Canceled:
		return e == ECANCELED || e == EAI_CANCELED
	case io.EOF:
		return e == EOF
	}
	if s, ok := e.Unwrap().(syscall.Errno); ok && s.Is(target) {
		return true
	}
	// Windows has codes for sockets and files that package syscall's names are not.
	s, ok := target.(syscall.Errno)
	return ok && e != UNKNOWN && C.weft_error_of_system(C.int(s)) == C.int(e)
}

// Timeout reports whether the code says that time was up.
func (e Errno) Timeout() bool { return e == ETIMEDOUT || e == EAGAIN }

// Temporary reports whether trying again may help.
func (e Errno) Temporary() bool {
	switch e {
	case EINTR, EMFILE, ENFILE, ECONNRESET, ECONNABORTED, EAI_AGAIN:
		return true
	}
	return e.Timeout()
}
