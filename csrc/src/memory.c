/* SPDX-License-Identifier: MIT */
#include "internal.h"

void *weft__calloc(weft_loop *loop, size_t size) {
  void *p = calloc(1, size);
  if (p != NULL) loop->shared.bytes += (int64_t)size;
  return p;
}

void *weft__realloc(weft_loop *loop, void *p, size_t old, size_t size) {
  void *q = realloc(p, size);
  if (q != NULL) loop->shared.bytes += (int64_t)size - (int64_t)old;
  return q;
}

void weft__free(weft_loop *loop, void *p, size_t size) {
  if (p != NULL) loop->shared.bytes -= (int64_t)size;
  free(p);
}
