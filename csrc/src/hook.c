/* SPDX-License-Identifier: MIT
 *
 * Idle, prepare and check handles: what happens once in every turn. It is no news: the poll between prepare and check
 * blocks as it would without them, or a loop with such a handle would never rest. An active idle handle has libuv poll
 * without blocking by itself. */
#include "internal.h"

static void hook_on_turn(void *uv) {
  weft_handle *h = weft__of_handle(uv);
  weft__append(h->loop, (weft_record){.token = h->token});
}

static void hook_on_idle(uv_idle_t *idle) { hook_on_turn(idle); }

static void hook_on_prepare(uv_prepare_t *prepare) { hook_on_turn(prepare); }

static void hook_on_check(uv_check_t *check) { hook_on_turn(check); }

/* type is UV_IDLE, UV_PREPARE or UV_CHECK. */
int weft_hook_new(uintptr_t lp, int type, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  *handle = weft__handle_new(loop, (uv_handle_type)type, 0);
  if (*handle == 0) return UV_ENOMEM;
  uv_handle_t *uv = weft__uv(*handle);
  if (type == UV_IDLE) return uv_idle_init(loop->uv, (uv_idle_t *)uv); /* none of the three can fail */
  if (type == UV_PREPARE) return uv_prepare_init(loop->uv, (uv_prepare_t *)uv);
  return uv_check_init(loop->uv, (uv_check_t *)uv);
}

void weft_hook_start(uintptr_t handle, uint64_t token) {
  uv_handle_t *uv = weft__uv(handle);
  weft__of_handle(uv)->token = token;
  if (uv->type == UV_IDLE) {
    uv_idle_start((uv_idle_t *)uv, hook_on_idle);
  } else if (uv->type == UV_PREPARE) {
    uv_prepare_start((uv_prepare_t *)uv, hook_on_prepare);
  } else {
    uv_check_start((uv_check_t *)uv, hook_on_check);
  }
}

void weft_hook_stop(uintptr_t handle) {
  uv_handle_t *uv = weft__uv(handle);
  if (uv->type == UV_IDLE) {
    uv_idle_stop((uv_idle_t *)uv);
  } else if (uv->type == UV_PREPARE) {
    uv_prepare_stop((uv_prepare_t *)uv);
  } else {
    uv_check_stop((uv_check_t *)uv);
  }
}
