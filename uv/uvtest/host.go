// SPDX-License-Identifier: MIT

package uvtest

/*
#include <stdlib.h>
#include <string.h>
#include <uv.h>

extern int hostStep(uintptr_t host, uv_loop_t *loop, int runs);
extern void hostEnded(uintptr_t host, int closed);
extern void hostCalled(uintptr_t f);

typedef struct {
  uv_loop_t loop;
  uintptr_t go;
} host;

// Stays behind when the loop could not be closed.
static void host_run(void *arg) {
  host *h = arg;
  memset(&h->loop, 0xa5, sizeof(h->loop));
  if (uv_loop_init(&h->loop) != 0) abort();
  h->loop.data = h;
  int runs = 0;
  while (hostStep(h->go, &h->loop, runs)) {
    uv_run(&h->loop, UV_RUN_DEFAULT);
    runs++;
  }
  if (h->loop.data != h) abort();
  int closed = uv_loop_close(&h->loop);
  hostEnded(h->go, closed);
  if (closed == 0) free(h);
}

static void host_here(uintptr_t go) {
  host *h = malloc(sizeof(*h));
  h->go = go;
  host_run(h);
}

static void host_start(uintptr_t go) {
  host *h = malloc(sizeof(*h));
  uv_thread_t thread;
  h->go = go;
  if (uv_thread_create(&thread, host_run, h) != 0) abort();
#ifndef _WIN32
  pthread_detach(thread);
#endif
}

typedef struct {
  int n;
  host *hosts[8];
} host_row;

static void host_run_row(void *arg) {
  host_row *row = arg;
  for (int i = 0; i < row->n; i++) host_run(row->hosts[i]);
  free(row);
}

static void host_start_row(uintptr_t *go, int n) {
  host_row *row = calloc(1, sizeof(*row));
  uv_thread_t thread;
  row->n = n;
  for (int i = 0; i < n; i++) {
    row->hosts[i] = malloc(sizeof(host));
    row->hosts[i]->go = go[i];
  }
  if (uv_thread_create(&thread, host_run_row, row) != 0) abort();
#ifndef _WIN32
  pthread_detach(thread);
#endif
}

static uv_loop_t *loop_make(void) {
  uv_loop_t *loop = malloc(sizeof(*loop));
  if (uv_loop_init(loop) != 0) abort();
  return loop;
}

static int loop_free(uv_loop_t *loop) {
  int err = uv_loop_close(loop);
  if (err == 0) free(loop);
  return err;
}

static void run(uv_loop_t *loop, int mode) { uv_run(loop, mode); }

typedef struct {
  uv_timer_t timer;
  uintptr_t f; // 0: it calls nothing
  int left;
} host_timer;

static void timer_on_tick(uv_timer_t *uv) {
  host_timer *t = (host_timer *)uv;
  if (--t->left == 0) uv_close((uv_handle_t *)uv, (uv_close_cb)free);
  if (t->f != 0) hostCalled(t->f);
}

static void tick(uv_loop_t *loop, uint64_t every, int n, uintptr_t f) {
  host_timer *t = malloc(sizeof(*t));
  t->f = f;
  t->left = n;
  uv_timer_init(loop, &t->timer);
  uv_timer_start(&t->timer, timer_on_tick, every, every);
}

typedef struct {
  uv_prepare_t prepare;
  uintptr_t f;
} host_prepare;

static void prepare_on_turn(uv_prepare_t *uv) { hostCalled(((host_prepare *)uv)->f); }

static host_prepare *prepare_start(uv_loop_t *loop, uintptr_t f) {
  host_prepare *p = malloc(sizeof(*p));
  p->f = f;
  uv_prepare_init(loop, &p->prepare);
  uv_unref((uv_handle_t *)&p->prepare);
  uv_prepare_start(&p->prepare, prepare_on_turn);
  return p;
}

static void prepare_close(host_prepare *p) { uv_close((uv_handle_t *)p, (uv_close_cb)free); }

typedef struct {
  uv_check_t check;
  uintptr_t f;
} host_check;

static void check_on_turn(uv_check_t *uv) { hostCalled(((host_check *)uv)->f); }

static host_check *check_start(uv_loop_t *loop, uintptr_t f) {
  host_check *c = malloc(sizeof(*c));
  c->f = f;
  uv_check_init(loop, &c->check);
  uv_unref((uv_handle_t *)&c->check);
  uv_check_start(&c->check, check_on_turn);
  return c;
}

static void check_close(host_check *c) { uv_close((uv_handle_t *)c, (uv_close_cb)free); }

typedef struct {
  uv_timer_t timer;
  uintptr_t f;
} host_last;

static void last_on_close(uv_handle_t *uv) {
  hostCalled(((host_last *)uv)->f);
  free(uv);
}

// A handle that is closed at once, so that f is called from the close callback.
static void call_on_close(uv_loop_t *loop, uintptr_t f) {
  host_last *h = malloc(sizeof(*h));
  h->f = f;
  uv_timer_init(loop, &h->timer);
  uv_close((uv_handle_t *)h, last_on_close);
}

static void close_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void close_all(uv_loop_t *loop) { uv_walk(loop, close_handle, NULL); }

static int pending_handles;
static void count_handle(uv_handle_t *handle, void *arg) {
  (void)arg;
  pending_handles += uv_is_active(handle) && uv_has_ref(handle);
}
static int active_handles(uv_loop_t *loop) {
  pending_handles = 0;
  uv_walk(loop, count_handle, NULL);
  return pending_handles;
}
*/
import "C"

import (
	"runtime/cgo"
	"sync"
	"time"
	"unsafe"
)

// Host is a C thread with a libuv loop of its own, as a program that Go code is loaded into has one.
type Host struct {
	step  func(loop unsafe.Pointer, runs int) bool
	ended chan int
	self  cgo.Handle
}

// StartHost starts a C thread. It makes a loop, and runs it until nothing is alive as long as step, which it calls before each uv_run
// with the number of those that have returned, says so; and then it closes the loop.
func StartHost(step func(loop unsafe.Pointer, runs int) bool) *Host {
	h := newHost(step)
	C.host_start(C.uintptr_t(h.self))
	return h
}

// StartHostRow starts a C thread that does what StartHost's does with one loop after another, eight at most.
func StartHostRow(steps ...func(loop unsafe.Pointer, runs int) bool) []*Host {
	row, selves := []*Host{}, []C.uintptr_t{}
	for _, step := range steps {
		h := newHost(step)
		row, selves = append(row, h), append(selves, C.uintptr_t(h.self))
	}
	C.host_start_row(&selves[0], C.int(len(selves)))
	return row
}

// RunHost is StartHost on the calling goroutine's thread, which Go has made; it returns when the loop is closed.
func RunHost(step func(loop unsafe.Pointer, runs int) bool) *Host {
	h := newHost(step)
	C.host_here(C.uintptr_t(h.self))
	return h
}

func newHost(step func(loop unsafe.Pointer, runs int) bool) *Host {
	h := &Host{step: step, ended: make(chan int, 1)}
	h.self = cgo.NewHandle(h)
	return h
}

// Once is a step for one uv_run, in front of which setup is called.
func Once(setup func(loop unsafe.Pointer)) func(loop unsafe.Pointer, runs int) bool {
	return func(loop unsafe.Pointer, runs int) bool {
		if runs == 0 {
			setup(loop)
		}
		return runs == 0
	}
}

// Ended returns a channel that has what uv_loop_close has returned, once.
func (h *Host) Ended() <-chan int { return h.ended }

//export hostStep
func hostStep(host C.uintptr_t, loop *C.uv_loop_t, runs C.int) C.int {
	if cgo.Handle(host).Value().(*Host).step(unsafe.Pointer(loop), int(runs)) {
		return 1
	}
	return 0
}

//export hostEnded
func hostEnded(host C.uintptr_t, closed C.int) {
	h := cgo.Handle(host).Value().(*Host)
	h.ended <- int(closed)
	h.self.Delete()
}

//export hostCalled
func hostCalled(f C.uintptr_t) { cgo.Handle(f).Value().(func())() }

// Tick starts a C timer that fires n times, or for ever when n is 0, and calls f, if there is one, each time.
func Tick(loop unsafe.Pointer, every time.Duration, n int, f func()) {
	C.tick((*C.uv_loop_t)(loop), C.uint64_t(every.Milliseconds()), C.int(n), handleOf(f))
}

func handleOf(f func()) C.uintptr_t {
	if f == nil {
		return 0
	}
	return C.uintptr_t(cgo.NewHandle(f)) // for the rest of the test program
}

// Prepare starts a C prepare handle, which does not keep the loop alive, and calls f in front of each poll.
func Prepare(loop unsafe.Pointer, f func()) (close func()) {
	p := C.prepare_start((*C.uv_loop_t)(loop), handleOf(f))
	var once sync.Once
	return func() { once.Do(func() { C.prepare_close(p) }) }
}

// Check calls f after each poll of the host, which does not wait for it, until it is closed on the host's thread.
func Check(loop unsafe.Pointer, f func()) (close func()) {
	c := C.check_start((*C.uv_loop_t)(loop), handleOf(f))
	var once sync.Once
	return func() { once.Do(func() { C.check_close(c) }) }
}

// CallOnClose closes a handle and calls f in its close callback.
func CallOnClose(loop unsafe.Pointer, f func()) { C.call_on_close((*C.uv_loop_t)(loop), handleOf(f)) }

// CloseAll closes all handles of a loop, whosever they are.
func CloseAll(loop unsafe.Pointer) { C.close_all((*C.uv_loop_t)(loop)) }

// MakeLoop makes a loop. FreeLoop closes it, and frees it when that returns 0.
func MakeLoop() unsafe.Pointer { return unsafe.Pointer(C.loop_make()) }

// FreeLoop calls uv_loop_close.
func FreeLoop(loop unsafe.Pointer) int { return int(C.loop_free((*C.uv_loop_t)(loop))) }

// RunLoop calls uv_run.
func RunLoop(loop unsafe.Pointer, mode int) { C.run((*C.uv_loop_t)(loop), C.int(mode)) }

// ActiveHandles returns how many handles keep the loop alive.
func ActiveHandles(loop unsafe.Pointer) int { return int(C.active_handles((*C.uv_loop_t)(loop))) }

// Stop calls uv_stop.
func Stop(loop unsafe.Pointer) { C.uv_stop((*C.uv_loop_t)(loop)) }

// CloseLoop calls uv_loop_close.
func CloseLoop(loop unsafe.Pointer) int { return int(C.uv_loop_close((*C.uv_loop_t)(loop))) }
