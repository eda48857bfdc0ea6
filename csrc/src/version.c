/* SPDX-License-Identifier: MIT
 *
 * What libuv has only since some version after 1.44. This is the only file that asks for the version: a function that
 * the libuv at hand lacks answers UV_ENOTSUP here. */
#include <stdio.h>

#include "error.h"
#include "internal.h"

const char *weft_libuv_version(void) { return uv_version_string(); }

uint32_t weft_libuv_number(void) { return uv_version(); }

uint32_t weft_libuv_header(void) { return UV_VERSION_HEX; }

int weft__libuv_compare(uint32_t runs, const weft_size *sizes, size_t n, char *text, size_t len) {
  if (runs >> 8 < UV_VERSION_HEX >> 8) { /* what a patch release adds is no function */
    snprintf(text, len,
             "built with libuv %d.%d, which is newer than the %u.%u that runs: build again where it runs, or let it "
             "find the "
             "newer libuv (LD_LIBRARY_PATH, or PATH on Windows)",
             UV_VERSION_MAJOR, UV_VERSION_MINOR, (unsigned)runs >> 16, (unsigned)runs >> 8 & 255);
    return UV_ENOTSUP;
  }
  for (size_t i = 0; i < n; i++) {
    if (sizes[i].header == sizes[i].runs) continue;
    snprintf(
        text, len,
        "built with the header of a libuv %d.%d whose %s has %zu bytes; it has %zu in the libuv %u.%u that runs: build "
        "again with the header of that one",
        UV_VERSION_MAJOR, UV_VERSION_MINOR, sizes[i].name, sizes[i].header, sizes[i].runs, (unsigned)runs >> 16,
        (unsigned)runs >> 8 & 255);
    return UV_EINVAL;
  }
  if (len > 0) text[0] = 0;
  return 0;
}

int weft_libuv_check(char *text, size_t len) {
#define HANDLE(uc, lc) {"uv_" #lc "_t", sizeof(uv_##lc##_t), uv_handle_size(UV_##uc)},
#define REQ(uc, lc) {"uv_" #lc "_t", sizeof(uv_##lc##_t), uv_req_size(UV_##uc)},
  const weft_size sizes[] = {{"uv_loop_t", sizeof(uv_loop_t), uv_loop_size()},
                             UV_HANDLE_TYPE_MAP(HANDLE) UV_REQ_TYPE_MAP(REQ)};
#undef HANDLE
#undef REQ
  return weft__libuv_compare(uv_version(), sizes, sizeof(sizes) / sizeof(sizes[0]), text, len);
}

/* error.h has the numbers of codes that some headers lack: they are libuv's. */
#if UV_VERSION_HEX >= 0x012d00
_Static_assert((int)WEFT_ENODATA == (int)UV_ENODATA, "error.h");
#endif
#if UV_VERSION_HEX >= 0x012e00
_Static_assert((int)WEFT_EUNATCH == (int)UV_EUNATCH, "error.h");
#endif
#if UV_VERSION_HEX >= 0x013200
_Static_assert((int)WEFT_ENOEXEC == (int)UV_ENOEXEC, "error.h");
#endif

int weft_libuv_has(int feature) {
  static const uint32_t since[] = {
      [WEFT_HAS_METRICS_INFO] = 0x012d00,     [WEFT_HAS_PIPE_BIND2] = 0x012e00,    [WEFT_HAS_REUSEPORT] = 0x013100,
      [WEFT_HAS_IO_URING_SQPOLL] = 0x013100,  [WEFT_HAS_UDP_TRY_SEND2] = 0x013200, [WEFT_HAS_TTY_RAW_VT] = 0x013300,
      [WEFT_HAS_TCP_KEEPALIVE_EX] = 0x013400, [WEFT_HAS_UDP_OPEN_EX] = 0x013400};
  if (feature < 0 || (size_t)feature >= sizeof(since) / sizeof(since[0])) return 0;
  return UV_VERSION_HEX >= since[feature] && uv_version() >= since[feature];
}

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
/* 1.46: abstract names; 1.51: such with a NUL in the midst */
static int pipe_lacks(const char *name, size_t len) {
  if (name[0] != '\0') return 0;
  return UV_VERSION_HEX < 0x012e00 || (uv_version() < 0x013300 && memchr(name + 1, '\0', len - 1) != NULL);
}

int weft__pipe_bind(uv_pipe_t *pipe, const char *name, size_t len) {
  if (pipe_lacks(name, len)) return UV_ENOTSUP;
#if UV_VERSION_HEX >= 0x012e00
  return uv_pipe_bind2(pipe, name, len, UV_PIPE_NO_TRUNCATE);
#else
  return uv_pipe_bind(pipe, name);
#endif
}

int weft__pipe_connect(uv_connect_t *req, uv_pipe_t *pipe, const char *name, size_t len, uv_connect_cb cb) {
  if (pipe_lacks(name, len)) return UV_ENOTSUP;
#if UV_VERSION_HEX >= 0x012e00
  return uv_pipe_connect2(req, pipe, name, len, UV_PIPE_NO_TRUNCATE, cb);
#else
  uv_pipe_connect(req, pipe, name, cb);
  return 0;
#endif
}

/* Has cb called in place of libuv's own function when there is something for a stream. 1.52 has no function there. */
weft_io_cb weft__stream_watch(uv_stream_t *s, weft_io_cb cb) {
#if defined(_WIN32) || UV_VERSION_HEX >= 0x013400
  (void)s, (void)cb;
  return NULL;
#else
  weft_io_cb libuv = s->io_watcher.cb;
  s->io_watcher.cb = cb;
  return libuv;
#endif
}

/* 1.49: UV_TCP_REUSEPORT */
int weft__tcp_bind(uv_tcp_t *tcp, const struct sockaddr *addr, unsigned flags) {
#if UV_VERSION_HEX < 0x013100
  if (flags & WEFT_TCP_REUSEPORT) return UV_ENOTSUP;
#endif
  return uv_tcp_bind(tcp, addr, flags);
}

/* 1.52: untested. Before that, this library sets what libuv does not. */
int weft_tcp_keepalive_ex(uintptr_t handle, int on, unsigned idle, unsigned interval, unsigned count) {
#if UV_VERSION_HEX >= 0x013400
  return uv_tcp_keepalive_ex((uv_tcp_t *)weft__uv(handle), on, idle, interval, count);
#else
  return weft__tcp_probes((uv_tcp_t *)weft__uv(handle), on, idle, interval, count);
#endif
}

/* 1.52: untested */
int weft__udp_open_ex(uv_udp_t *udp, uv_os_sock_t sock, unsigned flags) {
#if UV_VERSION_HEX >= 0x013400
  return uv_udp_open_ex(udp, sock, flags);
#else
  (void)udp, (void)sock, (void)flags;
  return UV_ENOTSUP;
#endif
}

/* 1.49: UV_UDP_REUSEPORT */
int weft__udp_bind(uv_udp_t *udp, const struct sockaddr *addr, unsigned flags) {
#if UV_VERSION_HEX < 0x013100
  if (flags & WEFT_UDP_REUSEPORT) return UV_ENOTSUP;
#endif
  return uv_udp_bind(udp, addr, flags);
}

/* 1.50. Sends datagrams as long as they leave at once, and returns how many have, or the error of the first. */
int weft__udp_try_send(uv_udp_t *udp, unsigned n, uv_buf_t *bufs[], unsigned nbufs[], struct sockaddr *addrs[]) {
#if UV_VERSION_HEX >= 0x013200
  int sent = n > 1 ? uv_udp_try_send2(udp, n, bufs, nbufs, addrs, 0) : UV_EINVAL;
  if (sent > 0 || sent == UV_EAGAIN) return sent;
  n = 1; /* it refuses all for one of them, and a handle without a socket */
#endif
  for (unsigned i = 0; i < n; i++) {
    int err = uv_udp_try_send(udp, bufs[i], nbufs[i], addrs[i]);
    if (err < 0) return i > 0 ? (int)i : err;
  }
  return (int)n;
}

/* The library at run time may be older than the header; on Unix the flags of Windows mean nothing. */
int weft__process_flags(unsigned *flags) {
  unsigned known = UV_PROCESS_SETUID | UV_PROCESS_SETGID | UV_PROCESS_WINDOWS_VERBATIM_ARGUMENTS | UV_PROCESS_DETACHED |
                   UV_PROCESS_WINDOWS_HIDE | UV_PROCESS_WINDOWS_HIDE_CONSOLE | UV_PROCESS_WINDOWS_HIDE_GUI |
                   WEFT_PROCESS_EXACT_NAME;
  if (*flags & ~known) return UV_EINVAL;
#ifdef _WIN32
  if ((*flags & WEFT_PROCESS_EXACT_NAME) && uv_version() < 0x013000) return UV_ENOTSUP;
#else
  *flags &= ~(unsigned)WEFT_PROCESS_EXACT_NAME;
#endif
  return 0;
}

int weft__tty_raw_vt(uv_tty_t *tty) {
#if UV_VERSION_HEX >= 0x013300
  return uv_tty_set_mode(tty, UV_TTY_MODE_RAW_VT);
#else
  (void)tty;
  return UV_ENOTSUP;
#endif
}
