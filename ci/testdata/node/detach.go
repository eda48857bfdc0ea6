// SPDX-License-Identifier: MIT

package main

/*
#include <stdint.h>
typedef void (*detached)(void *arg, int failed);
static inline void call(detached f, void *arg, int failed) { f(arg, failed); }
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"

	weftio "github.com/weft-go/weft/io"
)

// goEnd gives the loop back, and calls done when that is through.
//
//export goEnd
func goEnd(h C.uintptr_t, done unsafe.Pointer, arg unsafe.Pointer) {
	l := cgo.Handle(h).Value().(*weftio.Loop)
	cgo.Handle(h).Delete()
	_ = l.Detach(func(err error) { // it is not detached twice
		failed := C.int(0)
		if err != nil {
			failed = 1
		}
		C.call(C.detached(done), arg, failed)
	})
}
