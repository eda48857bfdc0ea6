// SPDX-License-Identifier: MIT

//go:build unix

package uvtest

/*
#cgo linux LDFLAGS: -Wl,--unresolved-symbols=ignore-all
#cgo darwin LDFLAGS: -Wl,-undefined,dynamic_lookup
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "../../csrc/include/weft.h"

extern void channelFired(int64_t value);

static _Atomic int dropped, told;

static void drop(void *p) {
  atomic_fetch_add(&dropped, 1);
  free(p);
}

static int take_dropped(void) { return atomic_exchange(&dropped, 0); }

static int take_told(void) { return atomic_exchange(&told, 0); }

static void tell(void *arg) {
  (void)arg;
  atomic_fetch_add(&told, 1);
}

static int on_cancel(uint64_t token) { return weft_token_on_cancel(token, tell, NULL); }

static int resolve_p(uint64_t token) { return weft_resolve_p(token, malloc(16), drop); }

typedef struct {
  uint64_t token;
  pthread_barrier_t start;
  _Atomic int won;
  _Atomic int code; // of the others, when it is the same
  _Atomic int lost;
} race;

static void *race_run(void *arg) {
  race *r = arg;
  pthread_barrier_wait(&r->start);
  int err = resolve_p(r->token);
  if (err == 0) {
    atomic_fetch_add(&r->won, 1);
  } else {
    atomic_store(&r->code, err);
    atomic_fetch_add(&r->lost, 1);
  }
  return NULL;
}

static int race_threads(uint64_t token, int n, int *lost, int *code) {
  pthread_t threads[64];
  race r = {.token = token};
  pthread_barrier_init(&r.start, NULL, n);
  for (int i = 0; i < n; i++) pthread_create(&threads[i], NULL, race_run, &r);
  for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
  pthread_barrier_destroy(&r.start);
  *lost = r.lost;
  *code = r.code;
  return r.won;
}

typedef struct {
  uint64_t token;
  int64_t left;
  int full;
  int err;
  sem_t room;
  pthread_t thread;
} producer;

static void producer_has_room(void *arg) { sem_post(&((producer *)arg)->room); }

static void *producer_run(void *arg) {
  producer *p = arg;
  for (int64_t i = 0; i < p->left;) {
    p->err = weft_stream_push_i(p->token, i);
    if (p->err == 0) {
      i++;
    } else if (p->err == WEFT_FULL) {
      p->full++;
      if (weft_stream_on_room(p->token, producer_has_room, p) == 0) {
        while (sem_wait(&p->room) != 0) {
        }
      }
    } else {
      return NULL;
    }
  }
  p->err = weft_stream_end(p->token, 0);
  return NULL;
}

static producer *producer_start(uint64_t token, int64_t n) {
  producer *p = calloc(1, sizeof(*p));
  p->token = token;
  p->left = n;
  sem_init(&p->room, 0, 0);
  pthread_create(&p->thread, NULL, producer_run, p);
  return p;
}

static int producer_end(producer *p, int *full) {
  pthread_join(p->thread, NULL);
  int err = p->err;
  *full = p->full;
  sem_destroy(&p->room);
  free(p);
  return err;
}

typedef struct {
  int status;
  int64_t value;
  char text[64];
  sem_t done;
} awaited;

static void awaited_cb(void *arg, int status, int64_t value, const void *data) {
  awaited *a = arg;
  a->status = status;
  a->value = value;
  size_t len = data == NULL ? 0 : status < 0 ? strlen(data) : (size_t)value;
  if (len >= sizeof(a->text)) len = sizeof(a->text) - 1;
  if (len > 0) memcpy(a->text, data, len);
  sem_post(&a->done);
}

static awaited *await_begin(uint64_t promise, int *err) {
  awaited *a = calloc(1, sizeof(*a));
  sem_init(&a->done, 0, 0);
  *err = weft_await(promise, awaited_cb, a);
  return a;
}

static void await_end(awaited *a) {
  while (sem_wait(&a->done) != 0) {
  }
}

// A thread that answers requests: by a token, or by calling Go.
typedef struct {
  sem_t asked;
  pthread_t thread;
  uint64_t token;
  int by_callback;
  int stop;
} server;

static void *server_run(void *arg) {
  server *s = arg;
  for (;;) {
    while (sem_wait(&s->asked) != 0) {
    }
    if (s->stop) return NULL;
    if (s->by_callback) {
      channelFired(42);
    } else {
      weft_resolve_i(s->token, 42);
    }
  }
}

static server *server_start(int by_callback) {
  server *s = calloc(1, sizeof(*s));
  s->by_callback = by_callback;
  sem_init(&s->asked, 0, 0);
  pthread_create(&s->thread, NULL, server_run, s);
  return s;
}

static void server_ask(server *s, uint64_t token) {
  s->token = token;
  sem_post(&s->asked);
}

static void server_end(server *s) {
  s->stop = 1;
  sem_post(&s->asked);
  pthread_join(s->thread, NULL);
  free(s);
}

static void posted(weft_loop *loop, void *arg) {
  (void)arg;
  if (weft_uv_loop(loop) != NULL) tell(NULL);
}

static void *release_run(void *loop) {
  weft_release(loop);
  weft_unref(loop);
  return NULL;
}

static void release_on_a_thread(weft_loop *loop) {
  pthread_t thread;
  weft_ref(loop);
  pthread_create(&thread, NULL, release_run, loop);
  pthread_detach(thread);
}

static int post(void *loop) { return weft_post(loop, posted, NULL); }
*/
import "C"

import (
	"unsafe"

	"github.com/weft-go/weft/uv"
)

// Race has so many C threads resolve a token of a pointer at a time. It returns how many won, how many lost, and a code of those.
func Race(t uv.Token, threads int) (won, lost int, code uv.Errno) {
	var clost, ccode C.int
	won = int(C.race_threads(C.uint64_t(t), C.int(threads), &clost, &ccode))
	return won, int(clost), uv.Errno(ccode)
}

// Dropped returns how many of the pointers given by Race and ResolvePointer were dropped since it was last asked.
func Dropped() int { return int(C.take_dropped()) }

// Told returns how many callbacks of OnCancel and Post have been called since it was last asked.
func Told() int { return int(C.take_told()) }

// OnCancel registers a callback that Told counts.
func OnCancel(t uv.Token) uv.Errno { return uv.Errno(C.on_cancel(C.uint64_t(t))) }

// Post posts a function that Told counts.
func Post(loop unsafe.Pointer) uv.Errno { return uv.Errno(C.post(loop)) }

// Hold is weft_hold.
func Hold(loop unsafe.Pointer) uv.Errno { return uv.Errno(C.weft_hold((*C.weft_loop)(loop))) }

// Release is weft_release.
func Release(loop unsafe.Pointer) uv.Errno { return uv.Errno(C.weft_release((*C.weft_loop)(loop))) }

// ReleaseOnAThread has a C thread call weft_release.
func ReleaseOnAThread(loop unsafe.Pointer) { C.release_on_a_thread((*C.weft_loop)(loop)) }

// Ref and Unref are weft_ref and weft_unref.
func Ref(loop unsafe.Pointer) { C.weft_ref((*C.weft_loop)(loop)) }

// Unref is weft_unref.
func Unref(loop unsafe.Pointer) { C.weft_unref((*C.weft_loop)(loop)) }

// ResolveInt is weft_resolve_i.
func ResolveInt(t uv.Token, v int64) uv.Errno {
	return uv.Errno(C.weft_resolve_i(C.uint64_t(t), C.int64_t(v)))
}

// ResolvePointer is weft_resolve_p, with a pointer that Dropped counts.
func ResolvePointer(t uv.Token) uv.Errno { return uv.Errno(C.resolve_p(C.uint64_t(t))) }

// ResolveBytes is weft_resolve_b.
func ResolveBytes(t uv.Token, text string) uv.Errno {
	c := C.CString(text)
	defer C.free(unsafe.Pointer(c))
	return uv.Errno(C.weft_resolve_b(C.uint64_t(t), unsafe.Pointer(c), C.size_t(len(text))))
}

// Reject is weft_reject, without a message when that is empty.
func Reject(t uv.Token, code uv.Errno, message string) uv.Errno {
	if message == "" {
		return uv.Errno(C.weft_reject(C.uint64_t(t), C.int(code), nil))
	}
	c := C.CString(message)
	defer C.free(unsafe.Pointer(c))
	return uv.Errno(C.weft_reject(C.uint64_t(t), C.int(code), c))
}

// Push is weft_stream_push_i.
func Push(t uv.Token, v int64) uv.Errno {
	return uv.Errno(C.weft_stream_push_i(C.uint64_t(t), C.int64_t(v)))
}

// Produce has a C thread push 0 to n-1 and the end, as far as the stream lets it. end waits for the thread, and returns how often the
// stream was full, and the last code.
func Produce(t uv.Token, n int) (end func() (full int, err uv.Errno)) {
	p := C.producer_start(C.uint64_t(t), C.int64_t(n))
	return func() (int, uv.Errno) {
		var full C.int
		err := C.producer_end(p, &full)
		return int(full), uv.Errno(err)
	}
}

// AwaitC has C wait for a promise. end waits for its callback; it is nil when there is an error.
func AwaitC(p uv.CPromise) (end func() (status uv.Errno, value int64, text string), err uv.Errno) {
	var e C.int
	a := C.await_begin(C.uint64_t(p), &e)
	if e != 0 {
		C.free(unsafe.Pointer(a))
		return nil, uv.Errno(e)
	}
	return func() (uv.Errno, int64, string) {
		defer C.free(unsafe.Pointer(a))
		C.await_end(a)
		return uv.Errno(a.status), int64(a.value), C.GoString(&a.text[0])
	}, 0
}

// Server is a C thread that answers 42 to each request.
type Server struct{ s *C.server }

var channel = make(chan int64, 1)

//export channelFired
func channelFired(v C.int64_t) { channel <- int64(v) }

// NewServer starts one that answers by tokens; or by a call of an exported Go function, which sends to the channel that Answers
// returns.
func NewServer(byCallback bool) Server {
	by := C.int(0)
	if byCallback {
		by = 1
	}
	return Server{C.server_start(by)}
}

// Ask makes a request.
func (s Server) Ask(t uv.Token) { C.server_ask(s.s, C.uint64_t(t)) }

// Answers is where the answers by callback arrive.
func (s Server) Answers() <-chan int64 { return channel }

// End ends the thread.
func (s Server) End() { C.server_end(s.s) }
