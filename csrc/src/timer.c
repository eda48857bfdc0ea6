/* SPDX-License-Identifier: MIT */
#include "internal.h"

static void timer_on_fire(uv_timer_t *timer) {
  weft_handle *h = weft__of_handle(timer);
  weft__record(h->loop, (weft_record){.token = h->token});
}

int weft_timer_new(uintptr_t lp, uint64_t token, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  *handle = weft__handle_new(loop, UV_TIMER, token);
  if (*handle == 0) return UV_ENOMEM;
  return uv_timer_init(loop->uv, (uv_timer_t *)weft__uv(*handle)); /* cannot fail */
}

void weft__timer_start(const weft_sub *sub) {
  uv_timer_t *timer = (uv_timer_t *)weft__uv(sub->handle);
  weft__of_handle(timer)->token = sub->token;
  uv_timer_start(timer, timer_on_fire, sub->len, sub->extra);
}

int weft_timer_again(uintptr_t handle, uint64_t token) {
  uv_timer_t *timer = (uv_timer_t *)weft__uv(handle);
  uv_update_time(timer->loop);
  weft__of_handle(timer)->token = token;
  return uv_timer_again(timer);
}

void weft_timer_set_repeat(uintptr_t handle, uint64_t repeat) {
  uv_timer_set_repeat((uv_timer_t *)weft__uv(handle), repeat);
}

uint64_t weft_timer_repeat(uintptr_t handle) { return uv_timer_get_repeat((uv_timer_t *)weft__uv(handle)); }

/* libuv goes on to tell of a timer that was stopped. */
uint64_t weft_timer_due_in(uintptr_t handle) {
  uv_handle_t *uv = weft__uv(handle);
  return uv_is_active(uv) ? uv_timer_get_due_in((uv_timer_t *)uv) : 0;
}

void weft__timer_stop(const weft_sub *sub) { uv_timer_stop((uv_timer_t *)weft__uv(sub->handle)); }
