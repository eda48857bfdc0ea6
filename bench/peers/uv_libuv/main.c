// SPDX-License-Identifier: MIT
//
// What package uv is measured beside: some of libuv's own benchmarks, in our words and with plain libuv.
//
//   uv_libuv --case NAME-N     has N events of the case happen, and prints nanoseconds and nanoseconds of CPU an event
//   uv_libuv --version
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <uv.h>

#include "bench.h"

static const struct {
  const char *name;
  void (*run)(long n, int width);
  int width;
} cases[] = {
    {"loop_count", loop_count, 1},           {"async1", async_pings, 1},
    {"async_pummel_1", async_pummel, 1},     {"async_pummel_4", async_pummel, 4},
    {"million_timers", million_timers, 1},   {"ping_pongs", ping_pongs, 1},
    {"tcp_write_batch", tcp_write_batch, 1}, {"tcp_pump1", tcp_pump, 1},
    {"tcp_pump100", tcp_pump, 100},          {"tcp4_pound_100", tcp_pound, 100},
    {"tcp4_pound_1000", tcp_pound, 1000},    {"udp_pummel_1v1", udp_pummel, 1},
    {"udp_pummel_10v10", udp_pummel, 10},    {"spawn", spawn, 1},
};

static uint64_t wall, cpu;

// cpu_time is what all threads of the process have used, in nanoseconds.
static uint64_t cpu_time(void) {
  struct rusage u;
  if (getrusage(RUSAGE_SELF, &u) != 0) exit(1);
  return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
         (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

void begin(void) {
  cpu = cpu_time();
  wall = uv_hrtime();
}

void end(void) {
  wall = uv_hrtime() - wall;
  cpu = cpu_time() - cpu;
}

void check(int status, const char *what) {
  if (status >= 0) return;
  fprintf(stderr, "uv_libuv: %s: %s\n", what, uv_strerror(status));
  exit(1);
}

void *must(void *p) {
  if (p == NULL) check(UV_ENOMEM, "malloc");
  return p;
}

void finish(uv_loop_t *loop) { check(uv_loop_close(loop), "loop close"); }

struct sockaddr_in loopback(int port) {
  struct sockaddr_in addr;
  check(uv_ip4_addr("127.0.0.1", port, &addr), "address");
  return addr;
}

// allow_files lets as many files be open as Go's runtime does.
static void allow_files(void) {
  struct rlimit r;
  if (getrlimit(RLIMIT_NOFILE, &r) != 0) return;
  r.rlim_cur = r.rlim_max;
  setrlimit(RLIMIT_NOFILE, &r);
}

static void run(const char *arg) {
  const char *dash = strrchr(arg, '-');
  long n = dash == NULL ? 0 : strtol(dash + 1, NULL, 10);
  for (size_t i = 0; n > 0 && i < sizeof(cases) / sizeof(cases[0]); i++) {
    size_t len = strlen(cases[i].name);
    if ((size_t)(dash - arg) != len || strncmp(arg, cases[i].name, len) != 0) continue;
    cases[i].run(n, cases[i].width);
    printf("%s\t%.2f\t%.2f\n", arg, (double)wall / (double)n, (double)cpu / (double)n);
  }
}

int main(int argc, char **argv) {
  allow_files();
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--version") == 0) return printf("libuv %s\n", uv_version_string()) < 0;
    if (strcmp(argv[i], "--case") == 0 && i + 1 < argc) run(argv[++i]);
  }
  return 0;
}
