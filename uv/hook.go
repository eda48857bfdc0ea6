// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// newHook opens an Idle, Prepare or Check, which are alike.
func (h *Handle) newHook(l *Loop, kind C.int) error {
	if l.shared == nil {
		return ErrClosed
	}
	var ptr C.uintptr_t
	if e := C.weft_hook_new(l.ptr, kind, &ptr); e != 0 {
		return Errno(e)
	}
	h.open(l, ptr, nil)
	return nil
}

func (h *Handle) startHook(c Completer) error {
	switch {
	case !h.isOpen():
		return ErrClosed
	case isNil(c):
		return EINVAL
	}
	C.weft_hook_start(h.ptr, h.listen(c))
	return nil
}

func (h *Handle) stopHook() error {
	if !h.isOpen() {
		return ErrClosed
	}
	C.weft_hook_stop(h.ptr)
	h.hush()
	return nil
}
