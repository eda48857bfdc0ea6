// SPDX-License-Identifier: MIT

//go:build unix

package uvtest

/*
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

typedef struct {
  uv_loop_t *loop;
  int left;    // to spawn
  int running;
  int ended;   // with status 0
  int failed;
} children;

static void child_start(children *c);

static void child_on_close(uv_handle_t *handle) {
  children *c = handle->data;
  free(handle);
  c->running--;
  if (c->left > 0) child_start(c);
}

static void child_on_exit(uv_process_t *process, int64_t status, int signum) {
  children *c = process->data;
  if (status == 0 && signum == 0) c->ended++;
  else c->failed++;
  uv_close((uv_handle_t *)process, child_on_close);
}

static void child_start(children *c) {
  char *args[] = {"true", NULL};
  uv_process_options_t options = {.file = "true", .args = args, .exit_cb = child_on_exit};
  uv_process_t *process = malloc(sizeof(*process));
  process->data = c;
  c->left--;
  c->running++;
  if (uv_spawn(c->loop, process, &options) != 0) {
    c->failed++;
    uv_close((uv_handle_t *)process, child_on_close);
  }
}

static children *children_start(uv_loop_t *loop, int n, int at_a_time) {
  children *c = calloc(1, sizeof(*c));
  c->loop = loop;
  c->left = n;
  for (int i = 0; i < at_a_time; i++) child_start(c);
  return c;
}

static int watched;
static uv_signal_t watcher;
static void on_signal(uv_signal_t *w, int signum) { (void)w; (void)signum; watched++; }
static void watch(uv_loop_t *loop, int signum) {
  uv_signal_init(loop, &watcher);
  uv_unref((uv_handle_t *)&watcher);
  uv_signal_start(&watcher, on_signal, signum);
}
static int unwatch(void) {
  uv_close((uv_handle_t *)&watcher, NULL);
  return watched;
}

// What a child does between fork and exec is its own: nothing of Go's runs in it.
static int fork_and_exec(void) {
  pid_t pid = fork();
  if (pid == 0) {
    execlp("true", "true", (char *)NULL);
    _exit(9);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
  }
  return status;
}

static void wait_for_end(int pid) {
  siginfo_t info;
  while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0) {
  }
}

static int fork_and_exit(void) {
  pid_t pid = fork();
  if (pid == 0) _exit(7);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
*/
import "C"

import (
	"syscall"
	"unsafe"
)

// Children are programs that a C host starts, "true" each.
type Children struct{ c *C.children }

// StartChildren has the host spawn n of them, some at a time.
func StartChildren(loop unsafe.Pointer, n, atATime int) *Children {
	return &Children{C.children_start((*C.uv_loop_t)(loop), C.int(n), C.int(atATime))}
}

// Ended returns how many have ended well, and how many not.
func (c *Children) Ended() (well, badly int) { return int(c.c.ended), int(c.c.failed) }

// Free forgets them, once all have ended and their loop is closed.
func (c *Children) Free() { C.free(unsafe.Pointer(c.c)) }

// WatchSignal has the host watch a signal, without keeping the loop alive.
func WatchSignal(loop unsafe.Pointer, sig syscall.Signal) { C.watch((*C.uv_loop_t)(loop), C.int(sig)) }

// UnwatchSignal ends that, and returns how often the signal came.
func UnwatchSignal() int { return int(C.unwatch()) }

// ForkAndExec forks, and has the child run "true"; it returns the child's status.
func ForkAndExec() int { return int(C.fork_and_exec()) }

// ForkAndExit forks, and has the child end by _exit(7); it returns the child's exit code.
func ForkAndExit() int { return int(C.fork_and_exit()) }

// WaitForEnd waits until a child has ended, and leaves it to whoever waits for its status.
func WaitForEnd(pid int) { C.wait_for_end(C.int(pid)) }
