/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <signal.h>

#ifndef _WIN32
#include <poll.h>
#include <pthread.h>
#endif

#ifdef _WIN32

int main(void) {
  CHECK(weft_guard_install() == 0);
  CHECK(weft_guard_watch(SIGINT) == 0);
  weft_guard_unwatch(SIGINT);
  int refused[] = {SIGSEGV, SIGFPE, SIGILL, SIGKILL};
  for (int i = 0; i < 4; i++) CHECK(weft_guard_watch(refused[i]) == UV_EINVAL);
  return 0;
}

#else

static int called, watched;

static void on_signal(int signum) {
  (void)signum;
  called++;
}

static void on_watch(uv_signal_t *watcher, int signum) {
  (void)watcher;
  (void)signum;
  watched++;
}

static void install(int signum, void (*handler)(int)) {
  struct sigaction sa = {.sa_handler = handler};
  CHECK(sigaction(signum, &sa, NULL) == 0);
}

static struct sigaction disposition(int signum) {
  struct sigaction sa;
  CHECK(sigaction(signum, NULL, &sa) == 0);
  return sa;
}

static void start(uv_loop_t *loop, uv_signal_t *watcher, int signum) {
  CHECK(weft_guard_watch(signum) == 0);
  CHECK(uv_signal_init(loop, watcher) == 0);
  CHECK(uv_signal_start(watcher, on_watch, signum) == 0);
  CHECK(disposition(signum).sa_flags & SA_ONSTACK);
}

static void end(uv_signal_t *watcher, int signum) {
  uv_close((uv_handle_t *)watcher, NULL);
  weft_guard_unwatch(signum);
}

static void test_the_handler_that_was_there_goes_on(uv_loop_t *loop) {
  uv_signal_t watcher;
  install(SIGUSR1, on_signal);
  called = watched = 0;
  for (int i = 1; i <= 3; i++) {
    start(loop, &watcher, SIGUSR1);
    CHECK(weft_guard_handled(SIGUSR1));
    raise(SIGUSR1);
    uv_run(loop, UV_RUN_ONCE);
    CHECK(watched == i && called == 2 * i - 1);
    end(&watcher, SIGUSR1);
    uv_run(loop, UV_RUN_DEFAULT);
    raise(SIGUSR1);
    CHECK(watched == i && called == 2 * i);
  }
}

static void test_what_has_replaced_ours_is_called_too(uv_loop_t *loop) {
  uv_signal_t a, b;
  install(SIGUSR2, SIG_DFL);
  called = watched = 0;
  start(loop, &a, SIGUSR2);
  CHECK(!weft_guard_handled(SIGUSR2));
  install(SIGUSR2, on_signal);
  raise(SIGUSR2);
  CHECK(called == 1);
  start(loop, &b, SIGUSR2);
  raise(SIGUSR2);
  while (watched < 2) uv_run(loop, UV_RUN_ONCE);
  CHECK(called == 2);
  install(SIGUSR2, SIG_IGN);
  end(&a, SIGUSR2);
  end(&b, SIGUSR2);
  raise(SIGUSR2);
  CHECK(called == 2);
  uv_run(loop, UV_RUN_DEFAULT);
}

static void test_no_handler_is_what_there_was_before(uv_loop_t *loop) {
  uv_signal_t first, watcher, foreign;
  install(SIGTERM, SIG_DFL);
  start(loop, &first, SIGTERM);
  end(&first, SIGTERM);
  CHECK(disposition(SIGTERM).sa_handler == SIG_DFL);
  start(loop, &watcher, SIGTERM);
  CHECK(uv_signal_init(loop, &foreign) == 0 && uv_signal_start(&foreign, on_watch, SIGTERM) == 0);
  end(&watcher, SIGTERM);
  watched = 0;
  raise(SIGTERM); /* C code still watches */
  uv_run(loop, UV_RUN_ONCE);
  CHECK(watched == 1);
  uv_close((uv_handle_t *)&foreign, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  CHECK(disposition(SIGTERM).sa_handler == SIG_DFL);
}

static void test_what_was_ignored_is_ignored_again(uv_loop_t *loop) {
  uv_signal_t watcher, foreign;
  install(SIGHUP, SIG_IGN);
  watched = 0;
  for (int i = 1; i <= 2; i++) {
    start(loop, &watcher, SIGHUP);
    raise(SIGHUP);
    uv_run(loop, UV_RUN_ONCE);
    CHECK(watched == i);
    end(&watcher, SIGHUP);
    uv_run(loop, UV_RUN_DEFAULT);
    CHECK(disposition(SIGHUP).sa_handler == SIG_IGN);
  }
  start(loop, &watcher, SIGHUP);
  CHECK(uv_signal_init(loop, &foreign) == 0 && uv_signal_start(&foreign, on_watch, SIGHUP) == 0);
  end(&watcher, SIGHUP);
  raise(SIGHUP); /* C code still watches */
  uv_run(loop, UV_RUN_ONCE);
  CHECK(watched == 3);
  uv_close((uv_handle_t *)&foreign, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  install(SIGHUP, SIG_DFL);
}

static uv_loop_t *heard_by;
static int early;

static void on_signal_before_the_loop(int signum) {
  (void)signum;
  struct pollfd fd = {.fd = uv_backend_fd(heard_by), .events = POLLIN};
  called++;
  early += poll(&fd, 1, 0) != 0;
}

/* When the loop hears of a signal the handler that was there has had it: who stops watching then leaves nothing behind
 * that still has to run. */
static void test_the_loop_hears_last(uv_loop_t *loop) {
  uv_signal_t watcher;
  install(SIGUSR2, on_signal_before_the_loop);
  start(loop, &watcher, SIGUSR2);
  uv_run(loop, UV_RUN_NOWAIT); /* from here on the system watches the loop's descriptors */
  heard_by = loop;
  called = watched = early = 0;
  raise(SIGUSR2);
  CHECK(called == 1 && early == 0);
  uv_run(loop, UV_RUN_ONCE);
  CHECK(watched == 1);
  end(&watcher, SIGUSR2);
  uv_run(loop, UV_RUN_DEFAULT);
}

/* As Go's handler does on a thread of C: it unblocks SIGCHLD, which comes in the midst. */
static void on_signal_that_lets_children_in(int signum) {
  sigset_t child;
  (void)signum;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  called++;
  pthread_sigmask(SIG_UNBLOCK, &child, NULL);
  raise(SIGCHLD);
  pthread_sigmask(SIG_BLOCK, &child, NULL);
}

static int children_ended;

static void on_child_end(uv_signal_t *watcher, int signum) {
  (void)watcher;
  children_ended += signum == SIGCHLD;
}

static void test_a_signal_inside_another_ones_handler_is_heard(uv_loop_t *loop) {
  uv_signal_t outer, inner;
  install(SIGUSR2, on_signal_that_lets_children_in);
  start(loop, &outer, SIGUSR2);
  CHECK(weft_guard_watch(SIGCHLD) == 0);
  CHECK(uv_signal_init(loop, &inner) == 0 && uv_signal_start(&inner, on_child_end, SIGCHLD) == 0);
  called = watched = children_ended = 0;
  for (int i = 1; i <= 3; i++) {
    raise(SIGUSR2);
    uv_run(loop, UV_RUN_NOWAIT);
    CHECK(called == i && watched == i && children_ended == i);
  }
  end(&outer, SIGUSR2);
  end(&inner, SIGCHLD);
  uv_run(loop, UV_RUN_DEFAULT);
}

static void test_some_signals_are_refused(void) {
  int refused[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGPROF, SIGURG, SIGKILL, SIGSTOP, 0, -1, NSIG};
  for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) CHECK(weft_guard_watch(refused[i]) == UV_EINVAL);
#ifdef __linux__
  for (int signum = 32; signum <= 34; signum++) CHECK(weft_guard_watch(signum) == UV_EINVAL);
#endif
}

static void on_exit_of_child(uv_process_t *process, int64_t status, int signum) {
  CHECK(status == 0 && signum == 0);
  uv_close((uv_handle_t *)process, NULL);
}

static void spawn(uv_loop_t *loop, uv_process_t *process) {
  char *args[] = {"true", NULL};
  uv_process_options_t options = {.file = "true", .args = args, .exit_cb = on_exit_of_child};
  CHECK(uv_spawn(loop, process, &options) == 0);
}

/* A loop that has run for long when weft comes: libuv's handlers are there. */
static void test_install_beside_a_loop_that_runs(uv_loop_t *loop) {
  uv_process_t early, late;
  uv_signal_t watcher;
  CHECK(uv_signal_init(loop, &watcher) == 0 && uv_signal_start(&watcher, on_watch, SIGHUP) == 0);
  spawn(loop, &early);
  CHECK(weft_guard_missing() != 0);
  CHECK(weft_guard_install() == 0);
  CHECK(weft_guard_missing() == 0);
  spawn(loop, &late);
  uv_close((uv_handle_t *)&watcher, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  CHECK(disposition(SIGCHLD).sa_flags & SA_ONSTACK);
  CHECK(weft_guard_install() == 0);
  spawn(loop, &late);
  uv_run(loop, UV_RUN_DEFAULT);
  CHECK(weft_guard_missing() == 0);
}

int main(void) {
  uv_loop_t loop;
  test_signal_stack();
  CHECK(uv_loop_init(&loop) == 0);
  test_install_beside_a_loop_that_runs(&loop);
  test_the_handler_that_was_there_goes_on(&loop);
  test_what_has_replaced_ours_is_called_too(&loop);
  test_no_handler_is_what_there_was_before(&loop);
  test_what_was_ignored_is_ignored_again(&loop);
  test_the_loop_hears_last(&loop);
  test_a_signal_inside_another_ones_handler_is_heard(&loop);
  test_some_signals_are_refused();
  CHECK(uv_loop_close(&loop) == 0);
  return 0;
}

#endif
