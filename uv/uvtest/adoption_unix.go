// SPDX-License-Identifier: MIT

//go:build unix

package uvtest

/*
#include <uv.h>
#include "../../csrc/include/weft.h"

extern void detachedForC(uintptr_t f, char *left);

static int adopt(uv_loop_t *uv, void **loop) { return weft_adopt(uv, (weft_loop **)loop); }

static void on_detached(void *arg, const char *left) { detachedForC((uintptr_t)arg, (char *)left); }

static int detach(void *loop, uintptr_t f) { return weft_detach(loop, on_detached, (void *)f); }

typedef struct {
  void *loop;
  int err;
} detacher;

static void detach_run(void *arg) {
  detacher *d = arg;
  d->err = detach(d->loop, 0);
}

static int detach_on_a_thread(void *loop) {
  detacher d = {.loop = loop};
  uv_thread_t thread;
  if (uv_thread_create(&thread, detach_run, &d) != 0) return UV_EAGAIN;
  uv_thread_join(&thread);
  return d.err;
}
*/
import "C"

import (
	"runtime/cgo"
	"unsafe"

	"github.com/weft-go/weft/uv"
)

// AdoptC is weft_adopt, with the text of its code.
func AdoptC(host unsafe.Pointer) (loop unsafe.Pointer, code uv.Errno, text string) {
	code = uv.Errno(C.adopt((*C.uv_loop_t)(host), &loop))
	return loop, code, C.GoString(C.weft_strerror(C.int(code)))
}

// DetachC is weft_detach; done gets what has not ended.
func DetachC(loop unsafe.Pointer, done func(left string)) uv.Errno {
	h := cgo.NewHandle(done)
	code := uv.Errno(C.detach(loop, C.uintptr_t(h)))
	if code != 0 {
		h.Delete()
	}
	return code
}

// DetachOnAThread is weft_detach, called by a C thread that does not run the loop.
func DetachOnAThread(loop unsafe.Pointer) uv.Errno { return uv.Errno(C.detach_on_a_thread(loop)) }

//export detachedForC
func detachedForC(f C.uintptr_t, left *C.char) {
	h := cgo.Handle(f)
	done := h.Value().(func(string))
	h.Delete()
	done(C.GoString(left))
}
