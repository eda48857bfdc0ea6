// SPDX-License-Identifier: MIT
//
// loop_count: turns of a loop that has an idle handle. million_timers: timers that are made, fire, and are closed.
#include "bench.h"

static long left;

static void on_idle(uv_idle_t *idle) {
  if (--left == 0) uv_close((uv_handle_t *)idle, NULL);
}

void loop_count(long n, int width) {
  (void)width;
  uv_loop_t loop;
  uv_idle_t idle;
  left = n;
  check(uv_loop_init(&loop), "loop");
  check(uv_idle_init(&loop, &idle), "idle");
  check(uv_idle_start(&idle, on_idle), "idle start");
  begin();
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  end();
  finish(&loop);
}

static void on_fire(uv_timer_t *timer) {
  (void)timer;
  left--;
}

static void on_close(uv_handle_t *handle) {
  (void)handle;
  left--;
}

// Each ten thousand timers are due a millisecond after those before them: they are sorted, and none is waited for.
void million_timers(long n, int width) {
  (void)width;
  uv_loop_t loop;
  uv_timer_t *timers = must(malloc((size_t)n * sizeof(*timers)));
  check(uv_loop_init(&loop), "loop");
  left = n;
  begin();
  for (long i = 0; i < n; i++) {
    check(uv_timer_init(&loop, &timers[i]), "timer");
    check(uv_timer_start(&timers[i], on_fire, (uint64_t)i / 10000, 0), "timer start");
  }
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  check(left == 0 ? 0 : UV_EBUSY, "timers that fired");
  left = n;
  for (long i = 0; i < n; i++) uv_close((uv_handle_t *)&timers[i], on_close);
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  check(left == 0 ? 0 : UV_EBUSY, "timers that were closed");
  end();
  finish(&loop);
  free(timers);
}
