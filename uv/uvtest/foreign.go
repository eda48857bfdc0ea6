// SPDX-License-Identifier: MIT

// Package uvtest is for tests of what is built on package uv: loops that have to be empty in the end; and a C library with
// libuv handles of its own and callbacks into Go, as tests need one: a C timer on somebody's loop that calls an exported Go
// function, and a C function that calls one at once.
package uvtest

/*
#cgo !windows pkg-config: libuv
#cgo windows pkg-config: libuv-static
#cgo windows CFLAGS: -DWIN32_LEAN_AND_MEAN
#include <stdlib.h>
#include <uv.h>

extern void foreignFired(void);

static void timer_on_fire(uv_timer_t *timer) {
  foreignFired();
  uv_close((uv_handle_t *)timer, (uv_close_cb)free);
}

static int start_timer(uv_loop_t *loop) {
  uv_timer_t *timer = malloc(sizeof(*timer));
  uv_timer_init(loop, timer);
  return uv_timer_start(timer, timer_on_fire, 1, 0);
}

static void prepare_on_run(uv_prepare_t *prepare) {
  uv_prepare_stop(prepare);
  foreignFired();
}

static uv_prepare_t *start_prepare(uv_loop_t *loop) {
  uv_prepare_t *prepare = malloc(sizeof(*prepare));
  uv_prepare_init(loop, prepare);
  uv_prepare_start(prepare, prepare_on_run);
  return prepare;
}

static void close_prepare(uv_prepare_t *prepare) { uv_close((uv_handle_t *)prepare, (uv_close_cb)free); }

static void call_back(void) { foreignFired(); }
*/
import "C"

import "unsafe"

var fired func()

//export foreignFired
func foreignFired() { fired() }

// StartTimer starts a C timer on a uv_loop_t, whose C callback calls f.
func StartTimer(loop unsafe.Pointer, f func()) {
	fired = f
	C.start_timer((*C.uv_loop_t)(loop))
}

// StartPrepare starts a C prepare handle on a uv_loop_t, whose C callback calls f once, right in front of a poll. close
// closes the handle.
func StartPrepare(loop unsafe.Pointer, f func()) (close func()) {
	fired = f
	prepare := C.start_prepare((*C.uv_loop_t)(loop))
	return func() { C.close_prepare(prepare) }
}

// Call calls f from C.
func Call(f func()) {
	fired = f
	C.call_back()
}
