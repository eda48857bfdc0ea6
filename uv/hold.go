// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// Hold keeps the host's uv_run of an adopted loop from returning, and Run of any other, until Release was called as often: a loop that
// may run out of work at any moment is held first, on its own thread. Close and Detach do not wait for it. Safe from any goroutine.
func (l *Loop) Hold() { l.count(1) }

// Release ends a Hold. One too many does nothing. Safe from any goroutine.
func (l *Loop) Release() { l.count(-1) }

func (l *Loop) count(by C.int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shared != nil {
		C.weft_keep(l.ptr, by)
	}
}

// Held reports whether a Hold, or a weft_hold of C code's, has not been released. Safe from any goroutine.
func (l *Loop) Held() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.shared != nil && C.weft_held(l.ptr) != 0
}
