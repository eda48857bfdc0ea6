/* SPDX-License-Identifier: MIT */
#include "internal.h"

static uv_tcp_t *tcp_of(uintptr_t handle) { return (uv_tcp_t *)weft__uv(handle); }

static int tcp_init(weft_loop *loop, unsigned domain, uintptr_t *handle) {
  *handle = weft__handle_new(loop, UV_TCP, 0);
  if (*handle == 0) return UV_ENOMEM;
  int err = uv_tcp_init_ex(loop->uv, tcp_of(*handle), domain);
  if (err != 0) weft__handle_drop(*handle);
  return err;
}

int weft_tcp_new(uintptr_t loop, uintptr_t *handle) { return tcp_init(weft__loop(loop), AF_UNSPEC, handle); }

int weft_tcp_new_early(uintptr_t loop, int family, uintptr_t *handle) {
  if (family != WEFT_IPV4 && family != WEFT_IPV6) return UV_EINVAL;
  return tcp_init(weft__loop(loop), family == WEFT_IPV4 ? AF_INET : AF_INET6, handle);
}

int weft_tcp_open(uintptr_t handle, uintptr_t sock) {
  if ((uintptr_t)(uv_os_sock_t)sock != sock) return UV_EBADF; /* cut off, it would be another one */
  int err = uv_tcp_open(tcp_of(handle), (uv_os_sock_t)sock);
  if (err == 0) weft__stream_opened(handle);
  return err;
}

int weft_tcp_bind(uintptr_t handle, const weft_addr *addr, int flags) {
  struct sockaddr_storage sa;
  int err = weft__addr_from(addr, &sa);
  if (err != 0) return err;
  return weft__tcp_bind(tcp_of(handle), (const struct sockaddr *)&sa, (unsigned)flags);
}

int weft_tcp_connect(uintptr_t handle, const weft_addr *addr, uint64_t token) {
  struct sockaddr_storage sa;
  int err = weft__addr_from(addr, &sa);
  if (err != 0) return err;
  if (((weft_handle *)handle)->connecting) return UV_EALREADY;
  struct sockaddr_storage peer; /* Linux lets a socket that is connected connect once more */
  int len = sizeof(peer);
  if (uv_tcp_getpeername(tcp_of(handle), (struct sockaddr *)&peer, &len) == 0) return UV_EISCONN;
  uv_connect_t *req = weft__stream_connect(handle, token);
  if (req == NULL) return UV_ENOMEM;
  err = uv_tcp_connect(req, tcp_of(handle), (const struct sockaddr *)&sa, weft__stream_on_connect);
  return weft__stream_connecting(req, err);
}

int weft_tcp_nodelay(uintptr_t handle, int on) { return uv_tcp_nodelay(tcp_of(handle), on); }

int weft_tcp_keepalive(uintptr_t handle, int on, unsigned delay) { return uv_tcp_keepalive(tcp_of(handle), on, delay); }

int weft_tcp_simultaneous_accepts(uintptr_t handle, int on) { return uv_tcp_simultaneous_accepts(tcp_of(handle), on); }

static int tcp_name(int (*get)(const uv_tcp_t *, struct sockaddr *, int *), uintptr_t handle, weft_addr *addr) {
  struct sockaddr_storage sa;
  int len = sizeof(sa);
  int err = get(tcp_of(handle), (struct sockaddr *)&sa, &len);
  if (err != 0) return err;
  return weft__addr_to((const struct sockaddr *)&sa, addr);
}

int weft_tcp_sockname(uintptr_t handle, weft_addr *addr) { return tcp_name(uv_tcp_getsockname, handle, addr); }

int weft_tcp_peername(uintptr_t handle, weft_addr *addr) { return tcp_name(uv_tcp_getpeername, handle, addr); }
