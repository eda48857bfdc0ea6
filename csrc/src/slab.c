/* SPDX-License-Identifier: MIT
 *
 * Reads go into slabs of the loop, one behind the other, so that a read takes the memory of what it read and an idle
 * connection takes none. All of it is free again once the records have been drained. A turn has a bounded number of
 * them: what does not fit stays with the system until the next one. No handle gets all of that: see share.c.
 *
 * A datagram is cut off by a buffer that is too small for it, and few are large: libuv gets room for the largest in a
 * scratch buffer, and the slab a copy. It gets room only for as many as the slabs can take at worst. Streams and
 * datagrams have slabs of their own: either would keep the other from being read.
 */
#include "internal.h"

enum {
  SLAB_SIZE = 64 * 1024 + sizeof(weft_addr), /* the largest datagram, and where it came from */
  SLAB_LEAST = 8 * 1024,
  SLAB_ALIGN = 16,
  SLAB_MOST = WEFT_TURN_READS / (64 * 1024),
  SLAB_DATAGRAMS = 19 /* more, for datagrams only */
};

struct weft_slab {
  weft_slab *older;
  size_t used;
  char data[SLAB_SIZE];
};

static int slab_is_used(const weft_slab *slab) { return SLAB_SIZE - slab->used < SLAB_LEAST; }

/* Streams may add no more. */
static int slab_is_last(const weft_loop *loop) { return loop->nslabs - loop->ndatagrams >= SLAB_MOST; }

static int slab_is_full(const weft_loop *loop) { return slab_is_last(loop) && slab_is_used(loop->slab); }

/* Puts a new slab before the others. */
static weft_slab *slab_add(weft_loop *loop) {
  weft_slab *slab = malloc(sizeof(*slab));
  if (slab == NULL) return NULL;
  loop->shared.bytes += (int64_t)sizeof(*slab);
  slab->used = 0;
  slab->older = loop->slab;
  loop->slab = slab;
  loop->nslabs++;
  return slab;
}

/* The rest of the current slab, or all of a new one, as far as the share goes. Empty when the stream may read no more
 * in this turn, or there is no memory: libuv then reports UV_ENOBUFS. */
uv_buf_t weft__slab_rest(weft_handle *h) {
  weft_loop *loop = h->loop;
  weft_slab *slab = loop->slab;
  if (!weft__share_ask(h, !slab_is_full(loop))) return uv_buf_init(NULL, 0);
  if (slab == NULL || slab_is_used(slab)) {
    slab = slab_add(loop);
    if (slab == NULL) return uv_buf_init(NULL, 0);
  }
  size_t room = SLAB_SIZE - slab->used, left = loop->share - h->got;
  return uv_buf_init(slab->data + slab->used, (unsigned)(room < left ? room : left));
}

static void slab_take(weft_loop *loop, size_t n) {
  n = (n + SLAB_ALIGN - 1) & ~(size_t)(SLAB_ALIGN - 1);
  size_t room = SLAB_SIZE - loop->slab->used;
  loop->slab->used += n < room ? n : room;
}

void weft__slab_take(weft_handle *h, size_t n) {
  h->got += (uint32_t)n;
  slab_take(h->loop, n);
}

unsigned weft__slab_datagrams(const weft_loop *loop) {
  int room = SLAB_DATAGRAMS - loop->ndatagrams;
  return room > 0 ? (unsigned)room : 0; /* errors are told beyond that */
}

void *weft__slab_keep(weft_loop *loop, size_t n) {
  weft_slab *slab = loop->slab;
  if (slab == NULL || SLAB_SIZE - slab->used < n) {
    if ((slab = slab_add(loop)) == NULL) return NULL;
    loop->ndatagrams++;
  }
  void *p = slab->data + slab->used;
  slab_take(loop, n);
  return p;
}

char *weft__slab_scratch(weft_loop *loop, size_t size) {
  if (size > loop->scratch_size) {
    char *grown = weft__realloc(loop, loop->scratch, loop->scratch_size, size);
    if (grown == NULL) return NULL;
    loop->scratch = grown;
    loop->scratch_size = size;
  }
  return loop->scratch;
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
  loop->ndatagrams = 0;
}

void weft__slab_free(weft_loop *loop) {
  weft__slab_reset(loop);
  weft__free(loop, loop->slab, sizeof(weft_slab));
  weft__free(loop, loop->scratch, loop->scratch_size);
  loop->slab = NULL;
  loop->nslabs = 0;
}
