/* SPDX-License-Identifier: MIT */
#include <stdatomic.h>

#include "internal.h"

static _Thread_local uint64_t thread_id;
static _Thread_local uintptr_t thread_frame;
static _Thread_local int thread_is_outside; /* no turn of the loop is under way */
static _Thread_local uint64_t thread_number;
static _Thread_local int thread_stands_in;
static _Thread_local int thread_foreign;

/* One function for both uses, so that its frame lies at the same address whenever the loop's Go code calls it directly.
 * Go code that C called from there runs its own calls further down the same C stack. */
uint64_t weft_thread(uint64_t id) {
  uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
  if (id == 0) {
    int nested = frame < thread_frame;
    return thread_id == 0 || (thread_is_outside && !nested) ? 0 : thread_id << 1 | (uint64_t)nested;
  }
  weft__thread_set(id == WEFT_THREAD_LEAVE ? 0 : id, frame);
  return 0;
}

weft_mark weft__thread_mark(void) {
  return (weft_mark){.id = thread_id, .frame = thread_frame, .is_outside = thread_is_outside};
}

void weft__thread_put(weft_mark mark) {
  thread_id = mark.id;
  thread_frame = mark.frame;
  thread_is_outside = mark.is_outside;
}

void weft__thread_set(uint64_t id, uintptr_t frame) { weft__thread_put((weft_mark){.id = id, .frame = frame}); }

/* Below frame the thread is the loop's, and Go code there sits inside a C frame. */
void weft__thread_outside(uint64_t id, uintptr_t frame) {
  weft__thread_put((weft_mark){.id = id, .frame = frame, .is_outside = 1});
}

/* Never the same for two threads, also when one has ended before the other began. */
uint64_t weft_thread_number(void) {
  static _Atomic uint64_t last;
  if (thread_number == 0) thread_number = atomic_fetch_add(&last, 1) + 1;
  return thread_number;
}

void weft_thread_stand_in(uint64_t number) {
  thread_number = number;
  thread_stands_in = number != 0;
}

int weft_thread_stands_in(void) { return thread_stands_in; }

/* Go code finds that out from its stack, but not in a coroutine. */
int weft_thread_foreign(int is) {
  if (is) thread_foreign = 1;
  return thread_foreign || thread_stands_in;
}
