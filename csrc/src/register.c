/* SPDX-License-Identifier: MIT
 *
 * libuv tells the system in its poll which descriptors it wants watched, and aborts the process when the system
 * refuses one: a descriptor that was closed elsewhere, whose number is another file's by now, or one too many. So a
 * prepare handle, which runs last before the poll, tells the system first, and takes from libuv's list what it has told
 * of. What was refused is lost: its handle fails with the system's error, and the loop goes on. */
#include "internal.h"

#ifdef _WIN32

int weft__register_ask(const uv_loop_t *uv) {
  (void)uv;
  return 0;
}

void weft__register_open(weft_loop *loop) { (void)loop; }

void weft__register_close(weft_loop *loop) { (void)loop; }

int weft__register_owns(const weft_loop *loop, const uv_handle_t *uv) {
  (void)loop;
  (void)uv;
  return 0;
}

void weft__register(weft_loop *loop) { (void)loop; }

#else

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif

/* libuv's lists are rings of a pointer to the next and one to the one before. */
typedef struct register_link {
  struct register_link *next;
  struct register_link *prev;
} register_link;

static register_link *register_list(const uv_loop_t *uv) { return (register_link *)&uv->watcher_queue; }

static uv__io_t *register_watcher(register_link *link) {
  return (uv__io_t *)((char *)link - offsetof(uv__io_t, watcher_queue));
}

static void register_unlink(void *of) {
  register_link *link = of;
  link->prev->next = link->next;
  link->next->prev = link->prev;
  link->next = link->prev = link;
}

/* The watcher of a handle that has a descriptor of its own. */
static uv__io_t *register_watcher_of(uv_handle_t *uv) {
  switch (uv->type) {
    case UV_TCP:
    case UV_NAMED_PIPE:
    case UV_TTY:
      return &((uv_stream_t *)uv)->io_watcher;
    case UV_UDP:
      return &((uv_udp_t *)uv)->io_watcher;
    case UV_POLL:
      return &((uv_poll_t *)uv)->io_watcher;
    default:
      return NULL;
  }
}

typedef struct {
  const uv__io_t *watcher;
  weft_handle *handle;
} register_search;

static void register_on_handle(uv_handle_t *uv, void *arg) {
  register_search *search = arg;
  if (register_watcher_of(uv) == search->watcher && uv->data == weft__of_handle(uv)) {
    search->handle = weft__of_handle(uv);
  }
}

/* Whose a watcher is; NULL: libuv's own, or of C code that is not ours. */
static weft_handle *register_handle_of(const weft_loop *loop, const uv__io_t *w) {
  register_search search = {.watcher = w};
  uv_walk(loop->uv, register_on_handle, &search);
  return search.handle;
}

#ifdef __linux__
/* Has the system watch, as libuv's poll would. */
static int register_tell(const uv_loop_t *uv, uv__io_t *w) {
  struct epoll_event e = {.events = w->pevents, .data.fd = w->fd};
  int err = epoll_ctl(uv_backend_fd(uv), w->events == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, w->fd, &e);
  if (err != 0 && errno == EEXIST) err = epoll_ctl(uv_backend_fd(uv), EPOLL_CTL_MOD, w->fd, &e);
  if (err != 0) return uv_translate_sys_error(errno);
  w->events = w->pevents;
  register_unlink(&w->watcher_queue);
  return 0;
}

/* libuv tells the system of this one in its own way. */
static int register_is_libuvs(const uv_loop_t *uv, const uv__io_t *w) { return w == &uv->async_io_watcher; }
#else
static int register_tell(const uv_loop_t *uv, uv__io_t *w) { return weft__poll_ask(uv, w->fd); }

static int register_is_libuvs(const uv_loop_t *uv, const uv__io_t *w) {
  (void)uv;
  (void)w;
  return 0;
}
#endif

static void register_stop(uv_handle_t *uv) {
  if (uv->type == UV_POLL) {
    uv_poll_stop((uv_poll_t *)uv);
  } else if (uv->type == UV_UDP) {
    uv_udp_recv_stop((uv_udp_t *)uv);
  } else {
    uv_read_stop((uv_stream_t *)uv);
  }
}

/* Has libuv forget a watcher, and its descriptor too when that is somebody else's by now: it must be neither used nor
 * closed. */
static void register_forget(uv_loop_t *uv, uv__io_t *w, int strange) {
  register_unlink(&w->watcher_queue);
  register_unlink(&w->pending_queue);
  if (w->fd >= 0 && (unsigned)w->fd < uv->nwatchers && uv->watchers[w->fd] == w) {
    uv->watchers[w->fd] = NULL;
    uv->nfds--;
  }
  w->pevents = w->events = 0;
  if (strange) w->fd = -1;
}

/* The handle has lost its descriptor. Whoever waits for it is told. */
static void register_lose(weft_handle *h, uv__io_t *w, int err) {
  uv_handle_t *uv = weft__uv((uintptr_t)h);
  int reads = (w->pevents & POLLIN) != 0;
  register_stop(uv);
  if (uv->type == UV_POLL) {
    weft__record(h->loop, (weft_record){.token = h->token, .status = err});
    return; /* it may start anew */
  }
  register_forget(h->loop->uv, w, err == UV_EBADF || err == UV_ENOENT);
  h->lost = err;
  if (uv->type == UV_UDP) {
    weft__udp_lost(h, reads);
  } else {
    weft__stream_lost(h, reads);
  }
}

void weft__register(weft_loop *loop) {
  register_link *list = register_list(loop->uv);
  register_link *link = list->next;
  while (link != list) {
    uv__io_t *w = register_watcher(link);
    link = link->next;
    if (register_is_libuvs(loop->uv, w)) continue;
    int err = register_tell(loop->uv, w);
    weft_handle *h = err != 0 ? register_handle_of(loop, w) : NULL;
    if (h != NULL) register_lose(h, w, err);
  }
}

static void register_on_prepare(uv_prepare_t *prepare) { weft__register(prepare->data); }

int weft__register_ask(const uv_loop_t *uv) {
  register_link *list = register_list(uv);
  int err = 0;
  for (register_link *link = list->next; link != list && err == 0; link = link->next) {
    err = weft__poll_ask(uv, register_watcher(link)->fd);
  }
  return err;
}

void weft__register_open(weft_loop *loop) {
  uv_prepare_init(loop->uv, &loop->prepare); /* these cannot fail */
  loop->prepare.data = loop;
  uv_prepare_start(&loop->prepare, register_on_prepare); /* of all the first: it runs last */
  uv_unref((uv_handle_t *)&loop->prepare);
}

void weft__register_close(weft_loop *loop) { uv_close((uv_handle_t *)&loop->prepare, NULL); }

int weft__register_owns(const weft_loop *loop, const uv_handle_t *uv) {
  return uv == (const uv_handle_t *)&loop->prepare;
}

#endif
