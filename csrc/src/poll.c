/* SPDX-License-Identifier: MIT */
#include "internal.h"

#ifdef __linux__
#include <errno.h>
#include <sys/epoll.h>
#elif !defined(_WIN32)
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

#ifdef __linux__
/* What the system says is what counts: files, directories, /dev/null and other devices are refused. A descriptor that
 * it has already is libuv's, and stays. */
int weft__poll_ask(const uv_loop_t *uv, int fd) {
  struct epoll_event none = {0};
  int epoll = uv_backend_fd(uv);
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &none) != 0) return errno == EEXIST ? 0 : uv_translate_sys_error(errno);
  epoll_ctl(epoll, EPOLL_CTL_DEL, fd, &none);
  return 0;
}

/* libuv has the system forget a descriptor when a handle of its stops or closes, also one that does not watch it. Then
 * the handle that does, such as a stream whose socket has got the same number since, would hear of nothing any more. */
static void poll_restore(const uv_loop_t *uv, int fd) {
  const uv__io_t *w = (unsigned)fd < uv->nwatchers ? uv->watchers[fd] : NULL;
  if (w == NULL || w->events == 0) return; /* nobody's, or libuv has yet to tell the system */
  struct epoll_event watched = {.events = w->events, .data.fd = fd};
  epoll_ctl(uv_backend_fd(uv), EPOLL_CTL_ADD, fd, &watched); /* fails where it is still there */
}
#elif !defined(_WIN32)
int weft__poll_ask(const uv_loop_t *uv, int fd) {
  struct stat st;
  (void)uv;
  if (fstat(fd, &st) != 0) return uv_translate_sys_error(errno);
  return S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) ? UV_EPERM : 0;
}
#endif

/* libuv aborts when the system refuses a descriptor in the poll, where it finds out. */
int weft__poll_refused(weft_loop *loop, const uv_handle_t *uv) {
#ifdef _WIN32
  (void)loop;
  (void)uv;
  return 0;
#else
  uv_os_fd_t fd;
  int err = uv_fileno(uv, &fd);
  return err != 0 ? err : weft__poll_ask(loop->uv, fd);
#endif
}

static int poll_refused(uv_poll_t *poll) {
  return weft__poll_refused(weft__of_handle(poll)->loop, (const uv_handle_t *)poll);
}

/* is_socket: fd is a SOCKET, on Windows. */
int weft_poll_new(uintptr_t lp, int64_t fd, int is_socket, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  if ((int64_t)(uv_os_sock_t)fd != fd) return UV_EBADF; /* cut off, it would be another one */
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

void weft_poll_stop(uintptr_t handle) {
  if (uv_is_active(weft__uv(handle))) uv_poll_stop(poll_of(handle));
}

void weft__poll_close(weft_loop *loop, uv_handle_t *uv, uv_close_cb cb) {
  uv_os_fd_t fd;
  int err = uv_fileno(uv, &fd);
  uv_close(uv, cb);
#ifdef __linux__
  if (err == 0) poll_restore(loop->uv, fd);
#else
  (void)loop;
  (void)err;
#endif
}

/* One that fails leaves the handle stopped: whoever was told before is told no more. */
int weft_poll_start(uintptr_t handle, int events, uint64_t token) {
  uv_poll_t *poll = poll_of(handle);
  int err = poll_refused(poll);
  weft__of_handle(poll)->token = token;
  if (err == 0) err = uv_poll_start(poll, events, poll_on_event);
  if (err != 0) weft_poll_stop(handle);
  return err;
}
