/* SPDX-License-Identifier: MIT
 *
 * What turn measures, with libuv alone: a turn in which a timer is started and fires. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static long fired;

static void on_fire(uv_timer_t *timer) {
  (void)timer;
  fired++;
}

static double measure(uv_timer_t *timer, double at_least) {
  for (long n = 1000;; n *= 2) {
    fired = 0;
    uint64_t start = uv_hrtime();
    for (long i = 0; i < n; i++) {
      uv_update_time(timer->loop); /* as a program must that has computed since the last turn */
      uv_timer_start(timer, on_fire, 0, 0);
      uv_run(timer->loop, UV_RUN_NOWAIT);
    }
    double ns = (double)(uv_hrtime() - start);
    if (fired != n) exit(1);
    if (ns >= at_least) return ns / (double)n;
  }
}

int main(int argc, char **argv) {
  double at_least = 300e6;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--version") == 0) return printf("libuv %s\n", uv_version_string()) < 0;
    if (strcmp(argv[i], "--case") == 0 && strcmp(argv[++i], "turn") != 0) return 0;
    if (strcmp(argv[i], "--time") == 0 && strstr(argv[++i], "ms") != NULL) at_least = atof(argv[i]) * 1e6;
  }
  uv_timer_t timer;
  if (uv_timer_init(uv_default_loop(), &timer) != 0) return 1;
  return printf("turn\t%.2f\n", measure(&timer, at_least)) < 0;
}
