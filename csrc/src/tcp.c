/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "internal.h"

#ifdef __linux__
#include <linux/sockios.h>
#include <sys/ioctl.h>
#endif
#ifndef _WIN32
#include <netinet/tcp.h>
#include <sys/socket.h>
#endif

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
  if (((weft_handle *)handle)->lost) return ((weft_handle *)handle)->lost;
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
  if (((weft_handle *)handle)->lost) return ((weft_handle *)handle)->lost;
  if (((weft_handle *)handle)->connecting) return UV_EALREADY;
  struct sockaddr_storage peer; /* Linux lets a socket that is connected connect once more */
  int len = sizeof(peer);
  if (uv_tcp_getpeername(tcp_of(handle), (struct sockaddr *)&peer, &len) == 0) return UV_EISCONN;
  weft__standard_fill();
  uv_connect_t *req = weft__stream_connect(handle, token);
  if (req == NULL) return UV_ENOMEM;
  err = uv_tcp_connect(req, tcp_of(handle), (const struct sockaddr *)&sa, weft__stream_on_connect);
  return weft__stream_connecting(req, err);
}

int weft_tcp_nodelay(uintptr_t handle, int on) { return uv_tcp_nodelay(tcp_of(handle), on); }

int weft_tcp_keepalive(uintptr_t handle, int on, unsigned delay) { return uv_tcp_keepalive(tcp_of(handle), on, delay); }

int weft__tcp_probes(uv_tcp_t *tcp, int on, unsigned idle, unsigned interval, unsigned count) {
#if defined(TCP_KEEPINTVL) && defined(TCP_KEEPCNT) && !defined(_WIN32)
  int fd = (int)weft__handle_fd((uv_handle_t *)tcp);
  if (fd < 0) return UV_ENOTSUP;
  int err = uv_tcp_keepalive(tcp, on, idle);
  if (err != 0 || !on) return err;
  if (setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval)) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count)) != 0) {
    return uv_translate_sys_error(errno);
  }
  return 0;
#else
  (void)tcp, (void)on, (void)idle, (void)interval, (void)count;
  return UV_ENOTSUP;
#endif
}

int weft_tcp_linger(uintptr_t handle, int seconds) {
  int64_t fd = weft__handle_fd(weft__uv(handle));
  struct linger l = {.l_onoff = seconds >= 0};
  if (seconds > 0) l.l_linger = (unsigned short)(seconds < UINT16_MAX ? seconds : UINT16_MAX);
  if (fd < 0) return UV_EBADF;
#ifdef _WIN32
  if (setsockopt((SOCKET)fd, SOL_SOCKET, SO_LINGER, (const char *)&l, sizeof(l)) == 0) return 0;
  return uv_translate_sys_error(WSAGetLastError());
#else
  return setsockopt((int)fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l)) == 0 ? 0 : uv_translate_sys_error(errno);
#endif
}

/* What the system has taken and the peer has not; 0 where the system does not tell. */
static int64_t tcp_unacknowledged(uintptr_t handle) {
  int n = 0;
#if defined(SIOCOUTQ)
  int fd = (int)weft__handle_fd(weft__uv(handle));
  if (fd < 0 || ioctl(fd, SIOCOUTQ, &n) != 0) return 0;
#elif defined(SO_NWRITE)
  int fd = (int)weft__handle_fd(weft__uv(handle));
  socklen_t len = sizeof(n);
  if (fd < 0 || getsockopt(fd, SOL_SOCKET, SO_NWRITE, &n, &len) != 0) return 0;
#else
  (void)handle;
#endif
  return n;
}

int64_t weft_tcp_unsent(uintptr_t handle) {
  return (int64_t)uv_stream_get_write_queue_size((uv_stream_t *)tcp_of(handle)) + tcp_unacknowledged(handle);
}

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
