/* SPDX-License-Identifier: MIT */
#include "internal.h"

static uv_pipe_t *pipe_of(uintptr_t handle) { return (uv_pipe_t *)weft__uv(handle); }

int weft_pipe_new(uintptr_t lp, int ipc, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  *handle = weft__handle_new(loop, UV_NAMED_PIPE, 0);
  if (*handle == 0) return UV_ENOMEM;
  int err = uv_pipe_init(loop->uv, pipe_of(*handle), ipc);
  if (err != 0) weft__handle_drop(*handle);
  return err;
}
