/* SPDX-License-Identifier: MIT
 *
 * The loop itself: its end, timers, asyncs, and the rule that the poll which follows news does not block. The tests of
 * that rule hang without it: a far timer or nothing at all is what the poll would wait for. */
#include "internal.h"
#include "test.h"

static void closes_only_when_empty(void) {
  uintptr_t loop = test_loop();
  uintptr_t timer;
  CHECK(weft_timer_new(loop, 0, &timer) == 0);
  CHECK(weft_loop_close(loop) == UV_EBUSY);
  test_end(loop, &timer, 1);
}

static void closes_only_without_foreign_handles(void) {
  uintptr_t loop = test_loop();
  uintptr_t timer;
  uv_check_t check;
  CHECK(uv_check_init(weft_uv_loop((weft_loop *)loop), &check) == 0); /* not even active */
  CHECK(weft_loop_close(loop) == UV_EBUSY);
  CHECK(weft_loop_close(loop) == UV_EBUSY);
  uv_close((uv_handle_t *)&check, NULL);
  CHECK(weft_loop_close(loop) == UV_EBUSY); /* its close is not through */
  CHECK(weft_timer_new(loop, 0, &timer) == 0);
  test_end(loop, &timer, 1);
}

static void closes_after_a_foreign_stop(void) {
  uintptr_t loop = test_loop();
  uv_stop(weft_uv_loop((weft_loop *)loop));
  test_end(loop, NULL, 0);
}

/* Everything but the loop itself and the array of submissions is freed with what used it. */
static void memory_is_counted(void) {
  uintptr_t loop = test_loop();
  weft_shared *s = weft_loop_shared(loop);
  uintptr_t timers[100];
  int64_t before = 0;
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < 100; i++) CHECK(weft_timer_new(loop, 0, &timers[i]) == 0);
    CHECK(s->handles == 100);
    for (int i = 0; i < 100; i++) test_submit(loop, (weft_sub){.handle = timers[i], .op = WEFT_CLOSE, .token = 9});
    for (int i = 0; i < 100; i++) CHECK(test_next(loop).token == 9);
    CHECK(s->handles == 0 && s->requests == 0);
    if (round == 0) before = s->bytes; /* both arrays have grown */
    CHECK(s->bytes == before);
  }
  test_end(loop, NULL, 0);
}

static void closed_handle_without_a_token_is_no_news(void) {
  uintptr_t loop = test_loop();
  uintptr_t timer;
  CHECK(weft_timer_new(loop, 0, &timer) == 0);
  test_submit(loop, (weft_sub){.handle = timer, .op = WEFT_CLOSE});
  while (weft_loop_shared(loop)->handles > 0) CHECK(weft_turn(loop, UV_RUN_NOWAIT) == 0);
  test_end(loop, NULL, 0);
}

/* News without a record: a C callback has had Go submit something, for the next turn. */
static void on_prepare_news(uv_prepare_t *prepare) {
  uv_prepare_stop(prepare);
  weft_loop_news((uintptr_t)prepare->data);
}

static void news_of_a_foreign_prepare_handle_ends_the_turn(void) {
  uintptr_t async, loop = test_loop();
  uv_prepare_t prepare;
  CHECK(weft_async_new(loop, 7, &async) == 0);
  CHECK(uv_prepare_init(weft_uv_loop((weft_loop *)loop), &prepare) == 0);
  CHECK(uv_prepare_start(&prepare, on_prepare_news) == 0);
  prepare.data = (void *)loop;
  CHECK(weft_turn(loop, UV_RUN_ONCE) == 0); /* hangs where news does not count */
  uv_close((uv_handle_t *)&prepare, NULL);
  test_end(loop, &async, 1);
}

static void timers_fire_in_order(void) {
  uintptr_t loop = test_loop();
  uintptr_t timers[3];
  for (int i = 0; i < 3; i++) {
    CHECK(weft_timer_new(loop, 0, &timers[i]) == 0);
    test_submit(loop, (weft_sub){.handle = timers[i], .op = WEFT_TIMER_START, .token = 10 + i, .len = 30 - 10 * i});
  }
  CHECK(test_next(loop).token == 12);
  CHECK(test_next(loop).token == 11);
  CHECK(test_next(loop).token == 10);
  test_end(loop, timers, 3);
}

static void stopped_timer_does_not_fire(void) {
  uintptr_t loop = test_loop();
  uintptr_t timers[2];
  for (int i = 0; i < 2; i++) {
    CHECK(weft_timer_new(loop, 0, &timers[i]) == 0);
    test_submit(loop, (weft_sub){.handle = timers[i], .op = WEFT_TIMER_START, .token = 10 + i, .len = i});
  }
  test_submit(loop, (weft_sub){.handle = timers[0], .op = WEFT_TIMER_STOP});
  CHECK(test_next(loop).token == 11);
  test_end(loop, timers, 2);
}

static void wake(void *async) { CHECK(weft_async_send((uintptr_t)async) == 0); }

static void async_wakes_the_poll(void) {
  uintptr_t loop = test_loop();
  uintptr_t async;
  uv_thread_t thread;
  CHECK(weft_async_new(loop, 7, &async) == 0);
  CHECK(uv_thread_create(&thread, wake, (void *)async) == 0);
  CHECK(test_next(loop).token == 7);
  uv_thread_join(&thread);
  test_end(loop, &async, 1);
}

/* A referenced async keeps the loop polling for ever. */
static uintptr_t endless_loop(uintptr_t *async) {
  uintptr_t loop = test_loop();
  CHECK(weft_async_new(loop, 7, async) == 0);
  return loop;
}

static void close_record_is_news(void) {
  uintptr_t async, timer;
  uintptr_t loop = endless_loop(&async);
  CHECK(weft_timer_new(loop, 0, &timer) == 0);
  test_submit(loop, (weft_sub){.handle = timer, .op = WEFT_CLOSE, .token = 5});
  CHECK(test_next(loop).token == 5);
  test_end(loop, &async, 1);
}

static void failing_submission_is_news(void) {
  uintptr_t handles[2];
  uintptr_t loop = endless_loop(&handles[0]);
  CHECK(weft_tcp_new(loop, &handles[1]) == 0);
  test_submit(loop, (weft_sub){.handle = handles[1], .op = WEFT_SHUTDOWN, .token = 5});
  weft_record r = test_next(loop);
  CHECK(r.token == 5 && r.status == UV_ENOTCONN);
  test_end(loop, handles, 2);
}

/* A host's prepare handle that runs after libuv's idle handles, right before the poll, and causes a record. */
static void on_prepare(uv_prepare_t *prepare) {
  uv_prepare_stop(prepare);
  weft__record(prepare->data, (weft_record){.token = 6});
}

static void due_timer_is_news(void) {
  uintptr_t handles[2];
  uintptr_t loop = endless_loop(&handles[0]);
  CHECK(weft_timer_new(loop, 0, &handles[1]) == 0);
  test_submit(loop, (weft_sub){.handle = handles[1], .op = WEFT_TIMER_START, .token = 5});
  CHECK(test_next(loop).token == 5);
  test_end(loop, handles, 2);
}

static void record_of_a_foreign_prepare_handle_is_news(void) {
  uintptr_t async;
  uintptr_t loop = endless_loop(&async);
  uv_loop_t *uv = weft_uv_loop((weft_loop *)weft_loop_shared(loop));
  uv_prepare_t prepare;
  CHECK(uv_prepare_init(uv, &prepare) == 0);
  CHECK(uv_prepare_start(&prepare, on_prepare) == 0);
  prepare.data = weft__loop(loop);
  CHECK(test_next(loop).token == 6);
  uv_close((uv_handle_t *)&prepare, NULL);
  test_end(loop, &async, 1);
}

static void undrained_records_survive(void) {
  uintptr_t handles[2];
  uintptr_t loop = test_loop();
  weft_shared *s = weft_loop_shared(loop);
  for (int i = 0; i < 2; i++) {
    CHECK(weft_timer_new(loop, 0, &handles[i]) == 0);
    test_submit(loop, (weft_sub){.handle = handles[i], .op = WEFT_TIMER_START, .token = 10 + i});
  }
  while (s->count < 2) weft_turn(loop, UV_RUN_NOWAIT);
  CHECK(test_next(loop).token == 10);
  weft_turn(loop, UV_RUN_ONCE); /* does not block: one is left */
  CHECK(s->count == 1);
  CHECK(test_next(loop).token == 11);
  test_end(loop, handles, 2);
}

static void thousands_of_submissions_fit(void) {
  uintptr_t timer;
  uintptr_t loop = test_loop();
  CHECK(weft_timer_new(loop, 0, &timer) == 0);
  for (int i = 0; i < 5000; i++) {
    test_submit(loop, (weft_sub){.handle = timer, .op = WEFT_TIMER_START, .token = 10 + i});
  }
  CHECK(test_next(loop).token == 5009);
  test_end(loop, &timer, 1);
}

int main(void) {
  closes_only_when_empty();
  closes_only_without_foreign_handles();
  closes_after_a_foreign_stop();
  memory_is_counted();
  closed_handle_without_a_token_is_no_news();
  news_of_a_foreign_prepare_handle_ends_the_turn();
  timers_fire_in_order();
  stopped_timer_does_not_fire();
  async_wakes_the_poll();
  close_record_is_news();
  failing_submission_is_news();
  due_timer_is_news();
  record_of_a_foreign_prepare_handle_is_news();
  undrained_records_survive();
  thousands_of_submissions_fit();
  return 0;
}
