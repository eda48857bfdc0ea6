/* SPDX-License-Identifier: MIT */
#include "internal.h"

static void async_on_send(uv_async_t *async) {
  weft_handle *h = weft__of_handle(async);
  if (h->token != 0) weft__record(h->loop, (weft_record){.token = h->token});
}

int weft_async_new(uintptr_t lp, uint64_t token, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  *handle = weft__handle_new(loop, UV_ASYNC, token);
  if (*handle == 0) return UV_ENOMEM;
  int err = uv_async_init(loop->uv, (uv_async_t *)weft__uv(*handle), async_on_send);
  if (err != 0) weft__handle_drop(*handle);
  return err;
}

/* One that the host of an adopted loop has closed must not be sent, and Go may not know. */
int weft_async_send(uintptr_t handle) {
  const uv_handle_t *uv = weft__uv(handle);
  return uv_is_closing(uv) ? UV_EBADF : uv_async_send((uv_async_t *)uv);
}
