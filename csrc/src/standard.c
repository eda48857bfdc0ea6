/* SPDX-License-Identifier: MIT
 *
 * The standard descriptors. libuv never closes a stream that has one of their numbers, whose peer then waits for ever,
 * and aborts when it closes another descriptor that has: none of libuv's may get one. A program that closes one of its
 * own frees the number, at any time. */
#include "internal.h"

#ifdef _WIN32

void weft__standard_fill(void) {}

void weft__standard_avoid(uv_handle_t *uv) { (void)uv; }

#else

#include <fcntl.h>
#include <unistd.h>

/* Opens those that are closed. */
void weft__standard_fill(void) {
  for (int fd = 0; fd <= STDERR_FILENO; fd++) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    int null = open("/dev/null", O_RDWR); /* the lowest number that is free */
    if (null > STDERR_FILENO) close(null);
  }
}

/* Gives what was just accepted another number. */
void weft__standard_avoid(uv_handle_t *uv) {
  uv__io_t *w = uv->type == UV_UDP ? &((uv_udp_t *)uv)->io_watcher : &((uv_stream_t *)uv)->io_watcher;
  int fd = w->fd;
  if (fd < 0 || fd > STDERR_FILENO) return;
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  if (copy < 0) return;
  w->fd = copy;
  close(fd);
  weft__standard_fill();
}

#endif
