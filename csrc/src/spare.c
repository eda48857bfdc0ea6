/* SPDX-License-Identifier: MIT
 *
 * Spare file descriptors of a loop that listens. When a process has none left, libuv drops the connections that wait,
 * with the help of a spare one of its own. When another thread has taken that, it tries to accept again and again,
 * within one uv_run: the way out is a connection that is accepted and held back, which takes a descriptor. */
#include "internal.h"

#ifdef _WIN32 /* where there is no such limit */

int weft__spare_fill(weft_loop *loop) {
  (void)loop;
  return 1;
}

int weft__spare_give(weft_loop *loop) {
  (void)loop;
  return 0;
}

#else

#include <fcntl.h>
#include <unistd.h>

/* Opens those that are missing. It returns 0 when there is none at all. */
int weft__spare_fill(weft_loop *loop) {
  while (loop->nspares < WEFT_SPARES) {
    int fd = open("/", O_RDONLY | O_CLOEXEC);
    if (fd < 0) break;
    loop->spares[loop->nspares++] = fd;
  }
  return loop->nspares > 0;
}

/* Closes one. It returns 0 when there was none. */
int weft__spare_give(weft_loop *loop) {
  if (loop->nspares == 0) return 0;
  close(loop->spares[--loop->nspares]);
  return 1;
}

#endif
