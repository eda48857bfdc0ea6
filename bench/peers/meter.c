// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include "meter.h"

#include <dirent.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// The kernel's clock of a process's CPU time is exact, but most kernels divide it into user and system time by looking
// at each tick, and /proc counts both in hundredths of a second: user time, a small part of what a server uses, is
// hardly known then. Looking 5,000 times a second tells it within a few percent in a second. The odd number keeps out
// of step.
enum { SAMPLES_PER_SECOND = 4999, RING_PAGES = 512 };

static int perf_open(struct perf_event_attr *attr, pid_t pid, int cpu) {
  attr->size = sizeof(*attr);
  return (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
}

static int64_t now(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) != 0) return -1;
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void read_ticks(pid_t pid, int64_t ticks[2]) {
  char path[64], line[1024];
  long user = 0, system = 0;
  snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
  FILE *f = fopen(path, "r");
  if (f == NULL) return;
  if (fgets(line, sizeof(line), f) != NULL) {
    const char *rest = strrchr(line, ')');  // the name before it may hold anything
    if (rest != NULL) {
      (void)sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system);
    }
  }
  fclose(f);
  ticks[0] = user;
  ticks[1] = system;
}

static void begin_sampling(struct meter *m, int cpu) {
  m->sampler = -1;
  if (cpu < 0) return;
  struct perf_event_attr attr = {
      .type = PERF_TYPE_SOFTWARE,
      .config = PERF_COUNT_SW_CPU_CLOCK,
      .freq = 1,
      .sample_freq = SAMPLES_PER_SECOND,
      .sample_type = PERF_SAMPLE_TID,
  };
  int fd = perf_open(&attr, -1, cpu);
  if (fd < 0) return;
  m->ring = mmap(NULL, (size_t)((1 + RING_PAGES) * getpagesize()), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (m->ring == MAP_FAILED) {
    close(fd);
    return;
  }
  m->sampler = fd;
}

// user_part counts the samples that saw the process. It returns a negative number when there are none.
static double user_part(struct meter *m) {
  if (m->sampler < 0) return -1;
  ioctl(m->sampler, PERF_EVENT_IOC_DISABLE, 0);
  struct perf_event_mmap_page *page = m->ring;
  const char *data = (const char *)page + page->data_offset;
  uint64_t end = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
  double user = 0, all = 0;
  for (uint64_t at = 0; at < end;) {
    // Records are multiples of eight bytes: a header does not cross the ring's end. Ours are 16 bytes long.
    const struct perf_event_header *h = (const void *)(data + at % page->data_size);
    const uint32_t *ids = (const void *)(data + (at + sizeof(*h)) % page->data_size);
    if (h->type == PERF_RECORD_SAMPLE && ids[0] == (uint32_t)m->pid) {
      all++;
      if ((h->misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_USER) user++;
    }
    at += h->size;
  }
  munmap(m->ring, (size_t)((1 + RING_PAGES) * getpagesize()));
  close(m->sampler);
  return all > 0 ? user / all : -1;
}

// begin_counting opens a counter of instructions for each thread; threads that these start are counted with them.
static void begin_counting(struct meter *m) {
  m->ncounters = 0;
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/task", (int)m->pid);
  DIR *threads = opendir(path);
  if (threads == NULL) return;
  for (struct dirent *d = readdir(threads); d != NULL; d = readdir(threads)) {
    struct perf_event_attr attr = {
        .type = PERF_TYPE_HARDWARE, .config = PERF_COUNT_HW_INSTRUCTIONS, .inherit = 1, .exclude_hv = 1};
    if (d->d_name[0] == '.' || m->ncounters == (int)(sizeof(m->counters) / sizeof(m->counters[0]))) continue;
    int fd = perf_open(&attr, (pid_t)strtol(d->d_name, NULL, 10), -1);
    if (fd >= 0) m->counters[m->ncounters++] = fd;
  }
  closedir(threads);
}

static double counted(struct meter *m) {
  double sum = 0;
  for (int i = 0; i < m->ncounters; i++) {
    uint64_t n;
    if (read(m->counters[i], &n, sizeof(n)) == (ssize_t)sizeof(n)) sum += (double)n;
    close(m->counters[i]);
  }
  return sum > 0 ? sum : -1;
}

void meter_begin(struct meter *m, pid_t pid, int cpu) {
  m->pid = pid;
  if (clock_getcpuclockid(pid, &m->clock) != 0) {
    perror("the server's CPU time");
    exit(1);
  }
  begin_counting(m);
  begin_sampling(m, cpu);
  read_ticks(pid, m->ticks);
  m->cpu = now(m->clock);
}

struct cost meter_end(struct meter *m) {
  int64_t ticks[2] = {0};
  struct cost c = {.cpu_ns = (double)(now(m->clock) - m->cpu), .user = user_part(m), .instructions = counted(m)};
  if (c.user < 0) {
    read_ticks(m->pid, ticks);
    double user = (double)(ticks[0] - m->ticks[0]), system = (double)(ticks[1] - m->ticks[1]);
    if (user + system > 0) c.user = user / (user + system);
  }
  return c;
}
