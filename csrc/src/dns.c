/* SPDX-License-Identifier: MIT */
#include "internal.h"

void weft_addrs_free(uintptr_t loop, void *addrs, uint64_t n) {
  weft__free(weft__loop(loop), addrs, n * sizeof(weft_addr));
}

/* Copies the addresses of a list into an array. */
static weft_record dns_addrs(weft_loop *loop, const struct addrinfo *list) {
  weft_record r = {.kind = WEFT_ADDRS};
  uint64_t n = 0;
  for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) n++;
  if (n == 0) return r;
  weft_addr *addrs = weft__calloc(loop, n * sizeof(weft_addr));
  if (addrs == NULL) {
    r.status = UV_ENOMEM;
    return r;
  }
  r.data = addrs;
  r.value = (int64_t)n;
  /* An address of an unknown family stays zero; Go passes over it. */
  for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) weft__addr_to(ai->ai_addr, addrs++);
  return r;
}

static void dns_on_addrinfo(uv_getaddrinfo_t *req, int status, struct addrinfo *list) {
  weft_req *q = weft__of_req(req);
  weft_loop *loop = q->loop;
  weft_record r = {.status = status};
  if (status == 0) r = dns_addrs(loop, list);
  r.token = q->token;
  uv_freeaddrinfo(list);
  weft__req_free(req);
  weft__record(loop, r);
}

int weft_getaddrinfo(uintptr_t lp, const char *node, const char *service, int flags, int family, uint64_t token,
                     uintptr_t *out) {
  weft_loop *loop = weft__loop(lp);
  uv_getaddrinfo_t *req = weft__req_new(loop, UV_GETADDRINFO, token, 0);
  if (req == NULL) return UV_ENOMEM;
  struct addrinfo hints = {.ai_flags = flags, .ai_socktype = SOCK_STREAM};
  if (family == WEFT_IPV4) hints.ai_family = AF_INET;
  if (family == WEFT_IPV6) hints.ai_family = AF_INET6;
  int err = uv_getaddrinfo(loop->uv, req, dns_on_addrinfo, node, service, &hints);
  if (err != 0) weft__req_free(req);
  *out = (uintptr_t)req;
  return err;
}

int weft_getaddrinfo_cancel(uintptr_t req) { return uv_cancel((uv_req_t *)req); }
