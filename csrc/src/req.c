/* SPDX-License-Identifier: MIT */
#include "internal.h"

void *weft__req_new(weft_loop *loop, uv_req_type type, uint64_t token, size_t extra) {
  size_t size = sizeof(weft_req) + uv_req_size(type) + extra;
  weft_req *r = weft__calloc(loop, size);
  if (r == NULL) return NULL;
  r->loop = loop;
  r->token = token;
  r->size = size;
  loop->shared.requests++;
  return r + 1;
}

void weft__req_free(void *uv) {
  weft_req *r = weft__of_req(uv);
  r->loop->shared.requests--;
  weft__free(r->loop, r, r->size);
}

void weft__req_fail(void *uv, int status) {
  weft_req *r = weft__of_req(uv);
  uint64_t token = r->token;
  r->token = 0;
  if (token != 0) weft__record(r->loop, (weft_record){.token = token, .value = (int64_t)r->len, .status = status});
}
