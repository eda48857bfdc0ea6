/* SPDX-License-Identifier: MIT */
#include "test.h"

static uintptr_t timer(uintptr_t loop) {
  uintptr_t handle;
  CHECK(weft_timer_new(loop, 0, &handle) == 0);
  return handle;
}

static void start(uintptr_t loop, uintptr_t handle, uint64_t token, uint64_t timeout, uint64_t repeat) {
  test_submit(loop,
              (weft_sub){.handle = handle, .op = WEFT_TIMER_START, .token = token, .len = timeout, .extra = repeat});
}

static void stop(uintptr_t loop, uintptr_t handle) {
  test_submit(loop, (weft_sub){.handle = handle, .op = WEFT_TIMER_STOP});
}

static void one_that_fires_once_does_so(void) {
  uintptr_t loop = test_loop(), t = timer(loop);
  start(loop, t, 1, 1, 0);
  weft_record r = test_next(loop);
  CHECK(r.token == 1 && r.status == 0 && r.kind == WEFT_PLAIN);
  CHECK(!(weft_handle_state(t) & WEFT_ACTIVE));
  CHECK(weft_turn(loop, UV_RUN_NOWAIT) == 0);
  start(loop, t, 2, 0, 0); /* for somebody else */
  CHECK(test_next(loop).token == 2);
  test_end(loop, &t, 1);
}

static void one_that_repeats_goes_on_until_it_is_stopped(void) {
  uintptr_t loop = test_loop(), t = timer(loop);
  CHECK(weft_timer_again(t, 1) == UV_EINVAL); /* it was never started */
  start(loop, t, 2, 0, 1);
  for (int i = 0; i < 3; i++) CHECK(test_next(loop).token == 2);
  CHECK(weft_timer_repeat(t) == 1);
  stop(loop, t);
  CHECK(weft_turn(loop, UV_RUN_NOWAIT) == 0 && !weft_loop_alive(loop));
  CHECK(weft_timer_again(t, 3) == 0);
  CHECK(test_next(loop).token == 3);
  weft_timer_set_repeat(t, 0); /* it is due once more */
  CHECK(test_next(loop).token == 3);
  CHECK(!(weft_handle_state(t) & WEFT_ACTIVE));
  test_end(loop, &t, 1);
}

static void those_of_one_time_fire_in_the_order_of_their_start(void) {
  uintptr_t loop = test_loop(), t[3] = {timer(loop), timer(loop), timer(loop)};
  const int order[] = {2, 0, 1};
  for (int i = 0; i < 3; i++) start(loop, t[order[i]], (uint64_t)(1 + order[i]), 0, 0);
  for (int i = 0; i < 3; i++) CHECK(test_next(loop).token == (uint64_t)(1 + order[i]));
  test_end(loop, t, 3);
}

/* libuv goes on to tell of one that was stopped. */
static void only_one_that_runs_is_due(void) {
  uintptr_t loop = test_loop(), t = timer(loop);
  CHECK(weft_timer_due_in(t) == 0);
  start(loop, t, 1, 3600000, 0);
  weft_loop_submit(loop);
  CHECK(weft_timer_due_in(t) > 0 && weft_timer_due_in(t) <= 3600000);
  stop(loop, t);
  weft_loop_submit(loop);
  CHECK(weft_timer_due_in(t) == 0);
  test_end(loop, &t, 1);
}

int main(void) {
  one_that_fires_once_does_so();
  one_that_repeats_goes_on_until_it_is_stopped();
  those_of_one_time_fire_in_the_order_of_their_start();
  only_one_that_runs_is_due();
  return 0;
}
