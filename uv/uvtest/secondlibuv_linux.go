// SPDX-License-Identifier: MIT

package uvtest

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <uv.h>

typedef struct {
  void *library;
  uv_loop_t *loop;
} second;

// A namespace of its own: the same file, loaded once more. NULL where libuv is no file of its own, or the system has no namespaces.
static second *second_open(void) {
  Dl_info info = {NULL};
  second *s = calloc(1, sizeof(*s));
#ifdef LM_ID_NEWLM
  if (dladdr((void *)uv_loop_init, &info) != 0) s->library = dlmopen(LM_ID_NEWLM, info.dli_fname, RTLD_NOW);
#endif
  int (*init)(uv_loop_t *) = s->library == NULL ? NULL : (int (*)(uv_loop_t *))dlsym(s->library, "uv_loop_init");
  if (init != NULL && init != uv_loop_init) {
    s->loop = malloc(sizeof(*s->loop));
    if (init(s->loop) == 0) return s;
  }
  free(s->loop);
  free(s);
  return NULL;
}

static int second_close(second *s) {
  int err = ((int (*)(uv_loop_t *))dlsym(s->library, "uv_loop_close"))(s->loop);
  dlclose(s->library);
  free(s->loop);
  free(s);
  return err;
}
*/
import "C"

import "unsafe"

// SecondLibuv loads another copy of libuv and makes a loop with it. It returns nil where libuv is linked into the program.
func SecondLibuv() (loop unsafe.Pointer, close func() int) {
	s := C.second_open()
	if s == nil {
		return nil, nil
	}
	return unsafe.Pointer(s.loop), func() int { return int(C.second_close(s)) }
}
