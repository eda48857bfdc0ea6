/* SPDX-License-Identifier: MIT
 *
 * Which handles a loop has: ours, and those of others, of which only libuv's own part is looked at. */
#include "internal.h"

typedef struct {
  const weft_loop *loop;
  weft_info *infos;
  uint32_t room;
  uint32_t n;
} walk;

static void walk_on_handle(uv_handle_t *uv, void *arg) {
  walk *w = arg;
  if (weft__loop_owns(w->loop, uv)) return;
  if (w->n < w->room) {
    uintptr_t ours = (uintptr_t)weft__of_handle(uv); /* only an address: what stands there is not read */
    w->infos[w->n] = (weft_info){
        .handle = (uintptr_t)uv->data == ours ? ours : 0,
        .fd = weft__handle_fd(uv),
        .type = uv->type,
        .state = weft__handle_state(uv),
    };
  }
  w->n++;
}

uint32_t weft_walk(uintptr_t loop, weft_info *infos, uint32_t room) {
  walk w = {.loop = weft__loop(loop), .infos = infos, .room = room};
  uv_walk(w.loop->uv, walk_on_handle, &w);
  return w.n;
}
