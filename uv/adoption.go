// SPDX-License-Identifier: MIT

package uv

/*
#include <stdlib.h>
#include "../csrc/src/engine.h"

extern int weftAdopt(uv_loop_t *uv, char *text, size_t len);

// A host may call weft_adopt as soon as it has loaded a Go library, whose packages are initialized on a thread of its own: who
// calls weftAdopt waits for that.
__attribute__((constructor)) static void adopter_register(void) { weft_adopter_set(weftAdopt); }
*/
import "C"

import (
	"errors"
	"sync/atomic"
	"unsafe"
)

var adopter atomic.Pointer[func(loop unsafe.Pointer) error]

// SetAdopter has adopt called by C code's weft_adopt, on the thread of a uv_loop_t. Without one weft_adopt is refused. Safe from any
// goroutine.
func SetAdopter(adopt func(loop unsafe.Pointer) error) { adopter.Store(&adopt) }

// Adopted returns the id of the loop that has adopted a uv_loop_t, 0 when none has. Safe from any goroutine.
func Adopted(loop unsafe.Pointer) (id uint64) { return uint64(C.weft_host_id((*C.uv_loop_t)(loop))) }

// adoptForC returns a code of weft.h, with a text.
func adoptForC(loop unsafe.Pointer) (code C.int, text string) {
	adopt := adopter.Load()
	if adopt == nil {
		return C.WEFT_ENOGO, ""
	}
	err := (*adopt)(loop)
	switch {
	case err == nil:
		return 0, ""
	case errors.Is(err, EALREADY):
		return C.WEFT_EALREADY, ""
	}
	return C.WEFT_EADOPT, err.Error()
}

// detach begins the end of an adopted loop, of which C code wants to be told.
func (h *hosted) detach(end C.uintptr_t) C.uintptr_t {
	if h.Detach == nil {
		return C.WEFT_HOST_MORE
	}
	err := h.Detach(func(left error) {
		if left != nil {
			text := C.CString(left.Error())
			defer C.free(unsafe.Pointer(text))
			C.weft_end_left(end, text)
		}
	})
	if err != nil {
		return C.WEFT_HOST_MORE
	}
	return C.WEFT_HOST_DONE
}
