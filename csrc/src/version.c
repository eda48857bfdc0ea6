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
