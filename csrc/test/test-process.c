/* SPDX-License-Identifier: MIT
 *
 * Children, and those whose handle is closed before their end. */
#include "test.h"

#include <signal.h>

enum { T_EXIT = 1, T_SIGNAL };

#ifdef _WIN32
#define EXITS "cmd.exe\0\0cmd.exe\0/c\0exit 3"
#else
#include <errno.h>
#include <sys/wait.h>
#define EXITS "/bin/sh\0\0sh\0-c\0exit 3"
#endif

static int spawn(uintptr_t loop, const char *strings, uint32_t nargs, uintptr_t *handle) {
  weft_spawn_options o = {.nargs = nargs};
  return weft_spawn(loop, &o, strings, NULL, T_EXIT, handle);
}

static void its_end_is_told_of(void) {
  uintptr_t loop = test_loop(), child;
  CHECK(spawn(loop, EXITS, 3, &child) == 0);
  CHECK(weft_process_pid(child) > 0);
  weft_record r = test_next(loop);
  CHECK(r.token == T_EXIT && r.value == 3 && r.aux == 0 && r.status == 0);
  CHECK(weft_process_kill(child, 0) == UV_ESRCH); /* the number may be another's */
  test_end(loop, &child, 1);
}

static void a_program_that_is_not_there_leaves_nothing(void) {
  uintptr_t loop = test_loop(), child;
  CHECK(spawn(loop, "/no/such/program\0\0x", 1, &child) == UV_ENOENT);
  while (weft_loop_shared(loop)->handles > 0) weft_turn(loop, UV_RUN_NOWAIT);
  test_end(loop, NULL, 0);
}

#ifndef _WIN32

#define SLEEPS            \
  "/bin/sleep\0\0sleep\0" \
  "1000"

static uintptr_t sleeping(uintptr_t loop) {
  uintptr_t child;
  CHECK(spawn(loop, SLEEPS, 2, &child) == 0);
  return child;
}

/* Leaves it to whoever waits for it. */
static void wait_for_end(int pid) {
  siginfo_t info;
  while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0) CHECK(errno == EINTR);
}

static int is_there(int pid) { return kill(pid, 0) == 0 || errno != ESRCH; }

static void a_signal_that_ends_it_is_told_of(void) {
  uintptr_t loop = test_loop(), child = sleeping(loop);
  CHECK(weft_process_kill(child, 0) == 0);
  CHECK(weft_process_kill(child, SIGTERM) == 0);
  weft_record r = test_next(loop);
  CHECK(r.token == T_EXIT && r.value == 0 && r.aux == SIGTERM);
  test_end(loop, &child, 1);
}

/* Closes the handle; the loop is gone then. */
static int abandon(uintptr_t loop, uintptr_t child) {
  int pid = weft_process_pid(child);
  test_end(loop, &child, 1);
  CHECK(is_there(pid));
  return pid;
}

static void one_that_outlives_its_handle_becomes_no_zombie(void) {
  uintptr_t loop = test_loop();
  int pid = abandon(loop, sleeping(loop));
  sigset_t child, before;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child, &before);
  CHECK(kill(pid, SIGKILL) == 0);
  while (is_there(pid)) sigsuspend(&before);
  sigprocmask(SIG_SETMASK, &before, NULL);
}

static void one_that_ends_before_its_handle_is_closed_becomes_no_zombie(void) {
  uintptr_t loop = test_loop(), child = sleeping(loop);
  int pid = weft_process_pid(child);
  CHECK(kill(pid, SIGKILL) == 0);
  wait_for_end(pid);
  CHECK(is_there(pid));
  test_submit(loop, (weft_sub){.handle = child, .op = WEFT_CLOSE, .token = 7});
  weft_loop_submit(loop); /* libuv has not heard of its end */
  CHECK(!is_there(pid));
  CHECK(test_next(loop).token == 7);
  test_end(loop, NULL, 0);
}

/* libuv's pipe takes some thousand signals. */
static void its_end_is_told_of_after_a_flood_of_signals(void) {
  uintptr_t loop = test_loop(), handles[2] = {sleeping(loop)};
  CHECK(weft_signal_new(loop, &handles[1]) == 0);
  CHECK(weft_signal_start(handles[1], SIGUSR1, 0, T_SIGNAL) == 0);
  for (int i = 0; i < 6000; i++) raise(SIGUSR1);
  CHECK(weft_process_kill(handles[0], SIGKILL) == 0);
  wait_for_end(weft_process_pid(handles[0]));
  while (test_next(loop).token != T_EXIT) {
  }
  test_end(loop, handles, 2);
}

#endif

int main(void) {
#ifndef _WIN32
  test_signal_stack();
#endif
  its_end_is_told_of();
  a_program_that_is_not_there_leaves_nothing();
#ifndef _WIN32
  a_signal_that_ends_it_is_told_of();
  one_that_outlives_its_handle_becomes_no_zombie();
  one_that_ends_before_its_handle_is_closed_becomes_no_zombie();
  its_end_is_told_of_after_a_flood_of_signals();
#endif
  return 0;
}
