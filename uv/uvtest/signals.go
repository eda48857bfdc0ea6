// SPDX-License-Identifier: MIT

//go:build unix

package uvtest

/*
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

static void *flood_run(void *arg) {
  int signum = *(int *)arg;
  for (_Atomic int *stop = (_Atomic int *)arg + 1; !atomic_load(stop);) {
    kill(getpid(), signum);
    usleep(50);
  }
  return NULL;
}

typedef struct {
  int signum;
  _Atomic int stop;
  pthread_t thread;
} flood;

static flood *flood_start(int signum) {
  flood *f = calloc(1, sizeof(*f));
  f->signum = signum;
  pthread_create(&f->thread, NULL, flood_run, f);
  return f;
}

static void flood_stop(flood *f) {
  atomic_store(&f->stop, 1);
  pthread_join(f->thread, NULL);
  free(f);
}

static int raise_here(int signum) { return raise(signum); }

static void pipe_on_signal(int signum) { (void)signum; }

static struct sigaction *pipe_set(int how) {
  struct sigaction *was = malloc(sizeof(*was));
  struct sigaction sa = {.sa_handler = how == 0 ? SIG_DFL : how == 1 ? SIG_IGN : pipe_on_signal};
  sigaction(SIGPIPE, &sa, was);
  return was;
}

static void pipe_restore(struct sigaction *was) {
  sigaction(SIGPIPE, was, NULL);
  free(was);
}

// What pipe_set has a number for; -1: something else.
static int pipe_get(void) {
  struct sigaction sa;
  sigaction(SIGPIPE, NULL, &sa);
  return sa.sa_handler == SIG_DFL ? 0 : sa.sa_handler == SIG_IGN ? 1 : sa.sa_handler == pipe_on_signal ? 2 : -1;
}

static void *raise_run(void *arg) {
  raise((int)(intptr_t)arg);
  return NULL;
}

static void raise_on_thread(int signum) {
  pthread_t thread;
  pthread_create(&thread, NULL, raise_run, (void *)(intptr_t)signum);
  pthread_join(thread, NULL);
}

static void *broken_write(void *arg) {
  intptr_t fd = (intptr_t)arg;
  return (void *)(intptr_t)(write((int)fd, "x", 1) < 0 ? errno : 0);
}

static int broken_on_thread(int fd) {
  pthread_t thread;
  void *result;
  pthread_create(&thread, NULL, broken_write, (void *)(intptr_t)fd);
  pthread_join(thread, &result);
  return (int)(intptr_t)result;
}

static int broken_result;

static void broken_on_done(uv_fs_t *req) {
  broken_result = (int)-req->result;
  uv_fs_req_cleanup(req);
  free(req);
}

static void broken_in_pool(uv_loop_t *loop, int fd) {
  static char x = 'x';
  uv_fs_t *req = malloc(sizeof(*req));
  uv_buf_t buf = uv_buf_init(&x, 1);
  broken_result = 0;
  if (uv_fs_write(loop, req, fd, &buf, 1, -1, broken_on_done) != 0) abort();
}

static int broken_get(void) { return broken_result; }

static void watch_on_signal(uv_signal_t *watcher, int signum) {
  (void)signum;
  ++*(int *)watcher->data;
}

static int *watch_raw(uv_loop_t *loop, int signum) {
  uv_signal_t *watcher = calloc(1, sizeof(*watcher));
  watcher->data = calloc(1, sizeof(int));
  uv_signal_init(loop, watcher);
  uv_signal_start(watcher, watch_on_signal, signum);
  uv_unref((uv_handle_t *)watcher);
  return watcher->data;
}
*/
import "C"

import (
	"syscall"
	"unsafe"
)

// Flood sends this process a signal again and again, from a thread that Go did not make, until stop is called.
func Flood(sig syscall.Signal) (stop func()) {
	f := C.flood_start(C.int(sig))
	return func() { C.flood_stop(f) }
}

// WriteOnThread writes to a file descriptor on a thread that Go did not make.
func WriteOnThread(fd uintptr) error {
	if e := C.broken_on_thread(C.int(fd)); e != 0 {
		return syscall.Errno(e)
	}
	return nil
}

// WriteInPool has libuv's thread pool write to a file descriptor; when the loop has run, result says how it went.
func WriteInPool(loop unsafe.Pointer, fd uintptr) (result func() error) {
	C.broken_in_pool((*C.uv_loop_t)(loop), C.int(fd))
	return func() error {
		if e := C.broken_get(); e != 0 {
			return syscall.Errno(e)
		}
		return nil
	}
}

// WatchUnguarded has libuv watch for a signal as a C program does, which a Go program must not: it crashes, sooner or
// later. The handle is never closed.
func WatchUnguarded(loop unsafe.Pointer, sig syscall.Signal) (heard func() int) {
	n := C.watch_raw((*C.uv_loop_t)(loop), C.int(sig))
	return func() int { return int(*n) }
}

// What C code does about SIGPIPE.
const (
	PipeDefault = iota
	PipeIgnored
	PipeHandled
	PipeOther = -1 // what SetPipe has not set
)

// SetPipe does that, until restore is called.
func SetPipe(how int) (restore func()) {
	was := C.pipe_set(C.int(how))
	return func() { C.pipe_restore(was) }
}

// Pipe returns what is done about SIGPIPE.
func Pipe() int { return int(C.pipe_get()) }

// Raise sends the calling thread a signal, which has been dealt with when it returns: one to the process may be under way to another
// thread still.
func Raise(sig syscall.Signal) { C.raise_here(C.int(sig)) }

// RaiseOnThread has a C thread, which Go knows nothing of, send the signal to itself, and returns when it has been dealt with.
func RaiseOnThread(sig syscall.Signal) { C.raise_on_thread(C.int(sig)) }
