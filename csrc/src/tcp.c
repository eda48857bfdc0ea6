/* SPDX-License-Identifier: MIT */
#include "internal.h"

static uv_tcp_t *tcp_of(uintptr_t handle) { return (uv_tcp_t *)weft__uv(handle); }

int weft_tcp_new(uintptr_t lp, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  *handle = weft__handle_new(loop, UV_TCP, 0);
  if (*handle == 0) return UV_ENOMEM;
  int err = uv_tcp_init(loop->uv, tcp_of(*handle));
  if (err != 0) weft__handle_drop(*handle);
  return err;
}

int weft_tcp_bind(uintptr_t handle, const weft_addr *addr, int flags) {
  struct sockaddr_storage sa;
  int err = weft__addr_from(addr, &sa);
  if (err != 0) return err;
  return uv_tcp_bind(tcp_of(handle), (const struct sockaddr *)&sa, (unsigned)flags);
}

static void tcp_on_connect(uv_connect_t *req, int status) {
  weft_req *r = weft__of_req(req);
  weft_loop *loop = r->loop;
  weft_record done = {.token = r->token, .status = status};
  weft__req_free(req);
  weft__record(loop, done);
}

int weft_tcp_connect(uintptr_t handle, const weft_addr *addr, uint64_t token) {
  weft_loop *loop = ((weft_handle *)handle)->loop;
  struct sockaddr_storage sa;
  int err = weft__addr_from(addr, &sa);
  if (err != 0) return err;
  uv_connect_t *req = weft__req_new(loop, UV_CONNECT, token, 0);
  if (req == NULL) return UV_ENOMEM;
  err = uv_tcp_connect(req, tcp_of(handle), (const struct sockaddr *)&sa, tcp_on_connect);
  if (err != 0) weft__req_free(req);
  return err;
}

int weft_tcp_nodelay(uintptr_t handle, int on) { return uv_tcp_nodelay(tcp_of(handle), on); }

int weft_tcp_keepalive(uintptr_t handle, int on, unsigned delay) { return uv_tcp_keepalive(tcp_of(handle), on, delay); }

static int tcp_name(int (*get)(const uv_tcp_t *, struct sockaddr *, int *), uintptr_t handle, weft_addr *addr) {
  struct sockaddr_storage sa;
  int len = sizeof(sa);
  int err = get(tcp_of(handle), (struct sockaddr *)&sa, &len);
  if (err != 0) return err;
  return weft__addr_to((const struct sockaddr *)&sa, addr);
}

int weft_tcp_sockname(uintptr_t handle, weft_addr *addr) { return tcp_name(uv_tcp_getsockname, handle, addr); }

int weft_tcp_peername(uintptr_t handle, weft_addr *addr) { return tcp_name(uv_tcp_getpeername, handle, addr); }
