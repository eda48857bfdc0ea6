/* SPDX-License-Identifier: MIT */
#include "test.h"

static const weft_info *find(const weft_info *infos, uint32_t n, int type) {
  for (uint32_t i = 0; i < n; i++) {
    if (infos[i].type == type) return &infos[i];
  }
  return NULL;
}

static void a_new_loop_has_none(void) {
  uintptr_t loop = test_loop();
  weft_info info;
  CHECK(weft_walk(loop, &info, 1) == 0); /* its own are not told of */
  test_end(loop, NULL, 0);
}

static void what_does_not_fit_is_counted(void) {
  uintptr_t loop = test_loop(), timers[3];
  for (int i = 0; i < 3; i++) CHECK(weft_timer_new(loop, 0, &timers[i]) == 0);
  weft_info infos[2] = {{0}, {.type = -1}};
  CHECK(weft_walk(loop, NULL, 0) == 3);
  CHECK(weft_walk(loop, infos, 1) == 3);
  CHECK(infos[0].type == UV_TIMER && infos[1].type == -1);
  test_end(loop, timers, 3);
}

static void each_is_told_of_as_it_is(void) {
  uintptr_t loop = test_loop(), handles[2];
  weft_addr a = {.ip = {127, 0, 0, 1}, .family = WEFT_IPV4};
  weft_info infos[3];
  CHECK(weft_timer_new(loop, 0, &handles[0]) == 0);
  CHECK(weft_tcp_new(loop, &handles[1]) == 0);
  CHECK(weft_walk(loop, infos, 3) == 2);
  const weft_info *timer = find(infos, 2, UV_TIMER), *tcp = find(infos, 2, UV_TCP);
  CHECK(timer != NULL && timer->handle == handles[0] && timer->fd == -1 && timer->state == WEFT_HAS_REF);
  CHECK(tcp != NULL && tcp->handle == handles[1] && tcp->fd == -1 && !(tcp->state & WEFT_ACTIVE));
  CHECK(weft_tcp_bind(handles[1], &a, 0) == 0 && weft_stream_listen(handles[1], 1, 1) == 0);
  weft_handle_ref(handles[0], 0);
  CHECK(weft_walk(loop, infos, 3) == 2);
  timer = find(infos, 2, UV_TIMER), tcp = find(infos, 2, UV_TCP);
  CHECK(timer->state == 0);
  CHECK(tcp->fd != -1 && tcp->state & WEFT_ACTIVE);
  test_submit(loop, (weft_sub){.handle = handles[0], .op = WEFT_CLOSE, .token = 7});
  weft_loop_submit(loop);
  CHECK(weft_walk(loop, infos, 3) == 2);
  CHECK(find(infos, 2, UV_TIMER)->state & WEFT_CLOSING);
  CHECK(test_next(loop).token == 7);
  CHECK(weft_walk(loop, infos, 3) == 1);
  test_end(loop, &handles[1], 1);
}

/* Their memory is not ours to look into: the sanitizer and valgrind see who does. */
static void those_of_others_are_told_of_without_their_names(void) {
  uintptr_t loop = test_loop();
  uv_timer_t *foreign = malloc(sizeof(*foreign));
  CHECK(foreign != NULL && uv_timer_init(weft_uv_loop((weft_loop *)loop), foreign) == 0);
  foreign->data = &loop;
  weft_info info;
  CHECK(weft_walk(loop, &info, 1) == 1);
  CHECK(info.handle == 0 && info.type == UV_TIMER);
  CHECK(weft_loop_close(loop) == UV_EBUSY);
  uv_close((uv_handle_t *)foreign, (uv_close_cb)free);
  weft_turn(loop, UV_RUN_NOWAIT);
  CHECK(weft_walk(loop, &info, 1) == 0);
  test_end(loop, NULL, 0);
}

int main(void) {
  a_new_loop_has_none();
  what_does_not_fit_is_counted();
  each_is_told_of_as_it_is();
  those_of_others_are_told_of_without_their_names();
  return 0;
}
