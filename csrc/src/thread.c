/* SPDX-License-Identifier: MIT */
#include "internal.h"

static _Thread_local uint64_t thread_id;
static _Thread_local uintptr_t thread_frame;

/* One function for both uses, so that its frame lies at the same address whenever the loop's Go code calls it directly.
 * Go code that C called from there runs its own calls further down the same C stack. */
uint64_t weft_thread(uint64_t id) {
  uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
  if (id == 0) return thread_id == 0 ? 0 : thread_id << 1 | (frame < thread_frame);
  thread_id = id == WEFT_THREAD_LEAVE ? 0 : id;
  thread_frame = frame;
  return 0;
}
