/* SPDX-License-Identifier: MIT
 *
 * What libuv has only since some version after 1.44. This is the only file that asks for the version: a function that
 * the libuv at hand lacks answers UV_ENOTSUP here. */
#include "internal.h"

const char *weft_libuv_version(void) { return uv_version_string(); }

uint32_t weft_libuv_header(void) { return UV_VERSION_HEX; }

int weft__loop_sqpoll(weft_loop *loop) {
#if UV_VERSION_HEX >= 0x013100
  return uv_loop_configure(loop->uv, UV_LOOP_USE_IO_URING_SQPOLL);
#else
  (void)loop;
  return UV_ENOTSUP;
#endif
}

int weft_metrics_info(uintptr_t loop, weft_metrics *m) {
#if UV_VERSION_HEX >= 0x012d00
  uv_metrics_t metrics;
  int err = uv_metrics_info(weft__loop(loop)->uv, &metrics);
  if (err == 0) *m = (weft_metrics){metrics.loop_count, metrics.events, metrics.events_waiting};
  return err;
#else
  (void)loop;
  (void)m;
  return UV_ENOTSUP;
#endif
}

/* 1.46: names that are not cut off, and abstract ones */
int weft__pipe_bind(uv_pipe_t *pipe, const char *name, size_t len) {
#if UV_VERSION_HEX >= 0x012e00
  return uv_pipe_bind2(pipe, name, len, UV_PIPE_NO_TRUNCATE);
#else
  (void)len;
  return name[0] == '\0' ? UV_ENOTSUP : uv_pipe_bind(pipe, name);
#endif
}

int weft__pipe_connect(uv_connect_t *req, uv_pipe_t *pipe, const char *name, size_t len, uv_connect_cb cb) {
#if UV_VERSION_HEX >= 0x012e00
  return uv_pipe_connect2(req, pipe, name, len, UV_PIPE_NO_TRUNCATE, cb);
#else
  (void)len;
  if (name[0] == '\0') return UV_ENOTSUP;
  uv_pipe_connect(req, pipe, name, cb);
  return 0;
#endif
}

/* 1.49: UV_TCP_REUSEPORT */
int weft__tcp_bind(uv_tcp_t *tcp, const struct sockaddr *addr, unsigned flags) {
#if UV_VERSION_HEX < 0x013100
  if (flags & WEFT_TCP_REUSEPORT) return UV_ENOTSUP;
#endif
  return uv_tcp_bind(tcp, addr, flags);
}

/* 1.52: untested */
int weft_tcp_keepalive_ex(uintptr_t handle, int on, unsigned idle, unsigned interval, unsigned count) {
#if UV_VERSION_HEX >= 0x013400
  return uv_tcp_keepalive_ex((uv_tcp_t *)weft__uv(handle), on, idle, interval, count);
#else
  (void)handle, (void)on, (void)idle, (void)interval, (void)count;
  return UV_ENOTSUP;
#endif
}
