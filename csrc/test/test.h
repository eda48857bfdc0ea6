/* SPDX-License-Identifier: MIT
 *
 * What the tests share: a check that names its line, and a loop that is turned until something has happened. */
#ifndef WEFT_TEST_H
#define WEFT_TEST_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define CHECK(ok)                                                      \
  do {                                                                 \
    if (!(ok)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #ok); \
      exit(1);                                                         \
    }                                                                  \
  } while (0)

static inline uintptr_t test_loop(void) {
  uintptr_t loop = 0;
  CHECK(weft_loop_new(&loop) == 0);
  return loop;
}

static inline void test_submit(uintptr_t loop, weft_sub sub) {
  weft_shared *s = weft_loop_shared(loop);
  while (s->nsubs == s->subs_cap) CHECK(weft_subs_grow(loop) == 0);
  s->subs[s->nsubs++] = sub;
}

/* Takes the next record, turning the loop for it. */
static inline weft_record test_next(uintptr_t loop) {
  weft_shared *s = weft_loop_shared(loop);
  while (s->drained == s->count) weft_turn(loop, UV_RUN_ONCE);
  return s->records[s->drained++];
}

/* Closes handles, waits for the records of that, and the loop; nothing may be left. */
static inline void test_end(uintptr_t loop, uintptr_t *handles, int n) {
  weft_shared *s = weft_loop_shared(loop);
  for (int i = 0; i < n; i++) test_submit(loop, (weft_sub){.handle = handles[i], .op = WEFT_CLOSE, .token = 1000});
  for (int closed = 0; closed < n;) closed += test_next(loop).token == 1000;
  CHECK(s->handles == 0);
  CHECK(s->requests == 0);
  CHECK(weft_loop_close(loop) == 0);
}

#ifndef _WIN32
/* A signal stack, as Go's threads have one. valgrind does not let a handler grow the main one. */
static inline void test_signal_stack(void) {
  static char memory[64 * 1024];
  stack_t stack = {.ss_sp = memory, .ss_size = sizeof(memory)};
  CHECK(sigaltstack(&stack, NULL) == 0);
}
#endif

#endif
