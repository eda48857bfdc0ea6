/* SPDX-License-Identifier: MIT
 *
 * Spare file descriptors of a loop that listens. When a process has none left, libuv resets all connections that wait,
 * and tells nobody, with the help of a spare descriptor of its own: that one is hidden from it while it looks for
 * connections of our listeners. Without it, libuv tries to accept again and again, within one uv_run: the way out is a
 * connection that is accepted with a spare of ours and held back. */
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

void weft__spare_hide(weft_loop *loop) { (void)loop; }

int weft__spare_show(weft_loop *loop) {
  (void)loop;
  return 0;
}

int weft__spare_wanted(void) { return 0; }

#else

#include <errno.h>
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

void weft__spare_hide(weft_loop *loop) {
  loop->hides = 1;
  loop->hidden = loop->uv->emfile_fd;
  loop->uv->emfile_fd = -1;
}

int weft__spare_show(weft_loop *loop) {
  if (!loop->hides) return 0;
  loop->hides = 0;
  loop->uv->emfile_fd = loop->hidden;
  return 1;
}

int weft__spare_wanted(void) {
  int fd = open("/", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return errno == EMFILE || errno == ENFILE;
  close(fd);
  return 0;
}

#endif
