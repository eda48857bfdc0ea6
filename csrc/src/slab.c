/* SPDX-License-Identifier: MIT
 *
 * Reads go into slabs of the loop, one behind the other, so that a read takes the memory of what it read and an idle
 * connection takes none. All of it is free again once the records have been drained. A turn has a bounded number of
 * them: what does not fit stays with the system until the next one. */
#include "internal.h"

enum { SLAB_SIZE = 64 * 1024, SLAB_LEAST = 8 * 1024, SLAB_ALIGN = 16, SLAB_MOST = 16 };

struct weft_slab {
  weft_slab *older;
  size_t used;
  char data[SLAB_SIZE];
};

static int slab_is_used(const weft_slab *slab) { return SLAB_SIZE - slab->used < SLAB_LEAST; }

/* The turn has read as much as it may. */
int weft__slab_is_full(const weft_loop *loop) { return loop->nslabs == SLAB_MOST && slab_is_used(loop->slab); }

/* The rest of the current slab, or all of a new one. Empty when the turn may read no more, or there is no memory: libuv
 * then reports UV_ENOBUFS. */
uv_buf_t weft__slab_rest(weft_loop *loop) {
  weft_slab *slab = loop->slab;
  if (slab == NULL || slab_is_used(slab)) {
    slab = loop->nslabs < SLAB_MOST ? malloc(sizeof(*slab)) : NULL;
    if (slab == NULL) return uv_buf_init(NULL, 0);
    loop->shared.bytes += (int64_t)sizeof(*slab);
    slab->used = 0;
    slab->older = loop->slab;
    loop->slab = slab;
    loop->nslabs++;
  }
  return uv_buf_init(slab->data + slab->used, (unsigned)(SLAB_SIZE - slab->used));
}

void weft__slab_take(weft_loop *loop, size_t n) {
  n = (n + SLAB_ALIGN - 1) & ~(size_t)(SLAB_ALIGN - 1);
  size_t room = SLAB_SIZE - loop->slab->used;
  loop->slab->used += n < room ? n : room;
}

/* Keeps one slab and frees the rest. */
void weft__slab_reset(weft_loop *loop) {
  weft_slab *slab = loop->slab;
  if (slab == NULL) return;
  while (slab->older != NULL) {
    weft_slab *older = slab->older;
    slab->older = older->older;
    weft__free(loop, older, sizeof(*older));
    loop->nslabs--;
  }
  slab->used = 0;
}

void weft__slab_free(weft_loop *loop) {
  weft__slab_reset(loop);
  weft__free(loop, loop->slab, sizeof(weft_slab));
  loop->slab = NULL;
  loop->nslabs = 0;
}
