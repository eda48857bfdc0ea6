/* SPDX-License-Identifier: MIT
 *
 * Idle, prepare and check handles: once a turn, in order, and none keeps the poll from blocking that libuv itself would
 * have block. */
#include "test.h"

static void once_a_turn_in_order(void) {
  uintptr_t loop = test_loop();
  int types[] = {UV_CHECK, UV_PREPARE, UV_IDLE};
  uintptr_t hooks[3];
  for (int i = 0; i < 3; i++) {
    CHECK(weft_hook_new(loop, types[i], &hooks[i]) == 0);
    weft_hook_start(hooks[i], 10 + i);
  }
  for (int turn = 0; turn < 3; turn++) {
    for (int i = 2; i >= 0; i--) CHECK(test_next(loop).token == (uint64_t)(10 + i));
  }
  for (int i = 0; i < 3; i++) weft_hook_stop(hooks[i]);
  CHECK(weft_turn(loop, UV_RUN_NOWAIT) == 0);
  test_end(loop, hooks, 3);
}

static void prepare_lets_the_poll_block(void) {
  uintptr_t loop = test_loop();
  uintptr_t handles[2];
  weft_shared *s = weft_loop_shared(loop);
  CHECK(weft_hook_new(loop, UV_PREPARE, &handles[0]) == 0);
  CHECK(weft_timer_new(loop, 0, &handles[1]) == 0);
  weft_hook_start(handles[0], 10);
  test_submit(loop, (weft_sub){.handle = handles[1], .op = WEFT_TIMER_START, .token = 11, .len = 30});
  int turns = 0;
  for (int fired = 0; !fired; turns++) {
    weft_turn(loop, UV_RUN_ONCE);
    while (s->drained < s->count) fired |= s->records[s->drained++].token == 11;
  }
  CHECK(turns <= 3);
  test_end(loop, handles, 2);
}

int main(void) {
  once_a_turn_in_order();
  prepare_lets_the_poll_block();
  return 0;
}
