/* SPDX-License-Identifier: MIT */
#include "internal.h"

#ifndef _WIN32
#include <errno.h>
#include <sys/stat.h>
#endif

static uv_poll_t *poll_of(uintptr_t handle) { return (uv_poll_t *)weft__uv(handle); }

/* Readiness lasts until Go has acted on it, which is after the turn: one record a turn says it all, however often libuv
 * looks. */
static void poll_on_event(uv_poll_t *poll, int status, int events) {
  weft_handle *h = weft__of_handle(poll);
  weft_shared *s = &h->loop->shared;
  weft_record *last = h->last < s->count ? &s->records[h->last] : NULL;
  if (status == 0 && last != NULL && h->last >= s->drained && last->token == h->token && last->status == 0) {
    last->value |= events;
    return;
  }
  h->last = s->count;
  weft__record(h->loop, (weft_record){.token = h->token, .status = status, .value = events});
}

/* libuv aborts when the system refuses a descriptor in the poll, where it finds out. */
static int poll_refused(uv_poll_t *poll) {
#ifdef _WIN32
  (void)poll;
  return 0;
#else
  uv_os_fd_t fd;
  struct stat st;
  int err = uv_fileno((uv_handle_t *)poll, &fd);
  if (err != 0) return err;
  if (fstat(fd, &st) != 0) return uv_translate_sys_error(errno);
  return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? UV_EPERM : 0;
#endif
}

/* is_socket: fd is a SOCKET, on Windows. */
int weft_poll_new(uintptr_t lp, int64_t fd, int is_socket, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  *handle = weft__handle_new(loop, UV_POLL, 0);
  if (*handle == 0) return UV_ENOMEM;
  int err;
  if (is_socket) {
    err = uv_poll_init_socket(loop->uv, poll_of(*handle), (uv_os_sock_t)fd);
  } else {
#ifdef _WIN32
    err = UV_ENOTSUP; /* Go has no descriptors of a C library */
#else
    err = uv_poll_init(loop->uv, poll_of(*handle), (int)fd);
#endif
  }
  if (err != 0) weft__handle_drop(*handle);
  return err;
}

int weft_poll_start(uintptr_t handle, int events, uint64_t token) {
  uv_poll_t *poll = poll_of(handle);
  int err = poll_refused(poll);
  if (err != 0) return err;
  weft__of_handle(poll)->token = token;
  return uv_poll_start(poll, events, poll_on_event);
}

void weft_poll_stop(uintptr_t handle) { uv_poll_stop(poll_of(handle)); }

/* The descriptor may have been closed since weft_poll_start. */
void weft__poll_check(weft_loop *loop, const weft_sub *sub) {
  uv_poll_t *poll = poll_of(sub->handle);
  int err = uv_is_active((uv_handle_t *)poll) ? poll_refused(poll) : 0;
  if (err == 0) return;
  uv_poll_stop(poll);
  weft__record(loop, (weft_record){.token = weft__of_handle(poll)->token, .status = err});
}
