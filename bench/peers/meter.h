// SPDX-License-Identifier: MIT
#ifndef METER_H
#define METER_H

#include <stdint.h>
#include <sys/types.h>

// meter reads what another process costs between two moments.
struct meter {
  pid_t pid;
  clockid_t clock;    // the process's CPU time, to the nanosecond
  int64_t cpu;        // at the beginning
  int64_t ticks[2];   // user and system time at the beginning, in clock ticks
  int sampler;        // perf event that looks at the CPU, or -1
  void *ring;         // the samples
  int counters[256];  // perf events that count instructions, one a thread
  int ncounters;
};

// cost is what a meter read. What the machine cannot tell is negative.
struct cost {
  double cpu_ns;        // user and system
  double user;          // the part of it that was user time
  double instructions;  // user and kernel
};

// meter_begin starts to read the process, whose threads run on the CPU of that number alone, or on any when it is
// negative.
void meter_begin(struct meter *m, pid_t pid, int cpu);

// meter_end stops and returns the cost since meter_begin.
struct cost meter_end(struct meter *m);

#endif
