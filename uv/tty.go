// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// TTYMode says what the system does to the characters of a terminal.
type TTYMode int

// The modes of a terminal.
const (
	TTYNormal TTYMode = C.UV_TTY_MODE_NORMAL
	TTYRaw    TTYMode = C.UV_TTY_MODE_RAW
	TTYIO     TTYMode = C.UV_TTY_MODE_IO  // raw in both directions, for binary data
	TTYRawVT  TTYMode = C.WEFT_TTY_RAW_VT // as TTYRaw, with the terminal's escape sequences on Windows; since libuv 1.51
)

// TTY is a terminal.
type TTY struct {
	Stream
	mode TTYMode
}

// NewTTY returns the terminal that a file descriptor belongs to, which stays the caller's, in the mode in which it is: libuv
// opens the terminal anew, and where it cannot, as with the master of a pseudo terminal, has a duplicate and writes to it
// block. EINVAL says that the descriptor is a file; GuessHandle tells in advance. On Windows only 0, 1 and 2 are descriptors.
// Loop goroutine only. Binds uv_tty_init.
func NewTTY(l *Loop, fd int) (*TTY, error) {
	if l.shared == nil {
		return nil, ErrClosed
	}
	if fd != int(C.int(fd)) {
		return nil, EBADF
	}
	t := &TTY{}
	var ptr C.uintptr_t
	if e := C.weft_tty_new(l.ptr, C.int(fd), &ptr); e != 0 {
		return nil, Errno(e)
	}
	t.open(l, ptr, t)
	return t, nil
}

// SetMode sets the terminal's mode, once what was written has left. ENOTSUP is what TTYRawVT gets before libuv 1.51. Loop
// goroutine only. Binds uv_tty_set_mode.
func (t *TTY) SetMode(mode TTYMode) error {
	if err := t.ready(); err != nil {
		return err
	}
	if mode < TTYNormal || mode > TTYRawVT {
		return EINVAL
	}
	if e := C.weft_tty_set_mode(t.ptr, C.int(mode)); e != 0 {
		return Errno(e)
	}
	t.mode = mode
	return nil
}

// WinSize returns the terminal's size in characters. os/signal tells of SIGWINCH when it changes. Loop goroutine only. Binds
// uv_tty_get_winsize.
func (t *TTY) WinSize() (width, height int, err error) {
	if !t.isOpen() {
		return 0, 0, ErrClosed
	}
	var w, h C.int
	if e := C.weft_tty_winsize(t.ptr, &w, &h); e != 0 {
		return 0, 0, Errno(e)
	}
	return int(w), int(h), nil
}

func (t *TTY) end() {
	if t.mode != TTYNormal {
		_ = t.SetMode(TTYNormal) // the terminal may be gone
	}
	t.Stream.end()
}

// ResetMode gives every terminal that a TTY has set the mode of the mode it had before, on all loops, and returns the first
// error. A Go program calls it before os.Exit, and where a panic ends it, or leaves the user's shell in raw mode; Close does it
// for a TTY. Who goes on, as after a stop by SIGTSTP, calls SetMode again. Safe from any goroutine, not in a signal handler of C's.
// Binds uv_tty_reset_mode, which knows one terminal only; on Windows it is that.
func ResetMode() error {
	if e := C.weft_tty_reset_mode(); e != 0 {
		return Errno(e)
	}
	return nil
}

// VTermState returns whether the console of Windows knows escape sequences; ENOTSUP elsewhere. Safe from any goroutine. Binds
// uv_tty_get_vterm_state.
func VTermState() (supported bool, err error) {
	var on C.int
	if e := C.weft_tty_vterm_state(&on); e != 0 {
		return false, Errno(e)
	}
	return on != 0, nil
}

// SetVTermState has libuv believe that the console of Windows knows escape sequences, or does not, before the first NewTTY. It
// does nothing elsewhere. Safe from any goroutine. Binds uv_tty_set_vterm_state.
func SetVTermState(supported bool) { C.weft_tty_set_vterm_state(boolean(supported)) }
