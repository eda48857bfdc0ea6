/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <signal.h>

static uintptr_t watcher(uintptr_t loop) {
  uintptr_t handle;
  CHECK(weft_signal_new(loop, &handle) == 0);
  return handle;
}

static void one_that_is_refused_changes_nothing(void) {
  uintptr_t loop = test_loop(), w = watcher(loop);
  CHECK(weft_signal_start(w, SIGSEGV, 0, 1) == UV_EINVAL);
  CHECK(!(weft_handle_state(w) & WEFT_ACTIVE));
  CHECK(weft_signal_start(w, SIGINT, 0, 1) == 0);
  CHECK(weft_signal_start(w, SIGFPE, 0, 1) == UV_EINVAL);
  CHECK(weft_handle_state(w) & WEFT_ACTIVE);
  weft_signal_stop(w);
  weft_signal_stop(w); /* of nothing */
  CHECK(!(weft_handle_state(w) & WEFT_ACTIVE));
  test_end(loop, &w, 1);
}

#ifdef _WIN32

int main(void) {
  one_that_is_refused_changes_nothing();
  return 0;
}

#else

static int is_default(int signum) {
  struct sigaction sa;
  CHECK(sigaction(signum, NULL, &sa) == 0);
  return sa.sa_handler == SIG_DFL;
}

static void each_signal_is_told_of_until_the_stop(void) {
  uintptr_t loop = test_loop(), w = watcher(loop);
  CHECK(weft_signal_start(w, SIGUSR1, 0, 1) == 0);
  for (int i = 0; i < 3; i++) {
    raise(SIGUSR1);
    weft_record r = test_next(loop);
    CHECK(r.token == 1 && r.value == SIGUSR1 && r.status == 0);
  }
  CHECK(weft_signal_start(w, SIGUSR1, 0, 2) == 0); /* for somebody else */
  raise(SIGUSR1);
  CHECK(test_next(loop).token == 2);
  weft_signal_stop(w);
  CHECK(is_default(SIGUSR1)); /* it is counted once */
  test_end(loop, &w, 1);
}

static void another_signal_takes_the_place_of_the_first(void) {
  uintptr_t loop = test_loop(), w = watcher(loop);
  CHECK(weft_signal_start(w, SIGUSR1, 0, 1) == 0);
  CHECK(weft_signal_start(w, SIGUSR2, 0, 2) == 0);
  CHECK(is_default(SIGUSR1) && !is_default(SIGUSR2));
  raise(SIGUSR2);
  weft_record r = test_next(loop);
  CHECK(r.token == 2 && r.value == SIGUSR2);
  test_end(loop, &w, 1);
  CHECK(is_default(SIGUSR2)); /* closing is stopping */
}

static void a_oneshot_is_for_one_and_the_next_start_is_not(void) {
  uintptr_t loop = test_loop(), w = watcher(loop);
  CHECK(weft_signal_start(w, SIGUSR1, 1, 1) == 0);
  raise(SIGUSR1);
  CHECK(test_next(loop).token == 1);
  CHECK(!(weft_handle_state(w) & WEFT_ACTIVE) && is_default(SIGUSR1));
  CHECK(weft_signal_start(w, SIGUSR1, 0, 2) == 0);
  for (int i = 0; i < 2; i++) {
    raise(SIGUSR1);
    CHECK(test_next(loop).token == 2);
  }
  test_end(loop, &w, 1);
}

static void all_watchers_hear_of_it(void) {
  uintptr_t loops[2] = {test_loop(), test_loop()}, w[2];
  for (int i = 0; i < 2; i++) {
    w[i] = watcher(loops[i]);
    CHECK(weft_signal_start(w[i], SIGUSR1, 0, 1) == 0);
  }
  raise(SIGUSR1);
  for (int i = 0; i < 2; i++) CHECK(test_next(loops[i]).value == SIGUSR1);
  test_end(loops[0], &w[0], 1);
  CHECK(!is_default(SIGUSR1)); /* the other one goes on */
  raise(SIGUSR1);
  CHECK(test_next(loops[1]).value == SIGUSR1);
  test_end(loops[1], &w[1], 1);
  CHECK(is_default(SIGUSR1));
}

int main(void) {
  test_signal_stack();
  one_that_is_refused_changes_nothing();
  each_signal_is_told_of_until_the_stop();
  another_signal_takes_the_place_of_the_first();
  a_oneshot_is_for_one_and_the_next_start_is_not();
  all_watchers_hear_of_it();
  return 0;
}

#endif
