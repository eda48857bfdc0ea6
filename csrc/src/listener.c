/* SPDX-License-Identifier: MIT
 *
 * Streams that listen: their connections are accepted here, ahead of Go. */
#include <stddef.h>

#include "internal.h"

enum { LISTENER_UNTAKEN = 64 }; /* connections accepted ahead of Go */

/* A handle of the server's kind. */
static int listener_client(const uv_stream_t *server, uintptr_t *client) {
  const weft_handle *h = weft__of_handle((void *)server);
  if (server->type == UV_NAMED_PIPE) return weft_pipe_new((uintptr_t)h->loop, h->passes, client);
  return weft_tcp_new((uintptr_t)h->loop, client);
}

/* Leaves the connection that libuv has ready with it; libuv then stops looking for more. */
static void listener_hold(weft_handle *h, int why) {
  h->paused = why;
  h->starved++;
}

/* Makes the handle of a connection. libuv would open another spare descriptor for one that is hidden from it. */
static int listener_handle(uv_stream_t *server, uintptr_t *client) {
  weft_loop *loop = ((weft_handle *)weft__of_handle(server))->loop;
  int hidden = weft__spare_show(loop);
  int err = listener_client(server, client);
  if (hidden) weft__spare_hide(loop);
  return err;
}

/* Accepts the connection that libuv has ready. Doing it here, not when Go hears of it, lets libuv accept the next ones
 * in the same turn. */
static void listener_accept(uv_stream_t *server) {
  weft_handle *h = weft__of_handle(server);
  uintptr_t client;
  int err = listener_handle(server, &client);
  if (err != 0) {
    listener_hold(h, err);
  } else if ((err = uv_accept(server, (uv_stream_t *)weft__uv(client))) != 0) {
    weft__handle_close(h->loop, &(weft_sub){.handle = client, .op = WEFT_CLOSE});
  }
  if (err != 0) {
    weft__record(h->loop, (weft_record){.token = h->token, .status = err});
    return;
  }
  weft__standard_avoid(weft__uv(client));
  h->untaken++;
  weft__record(
      h->loop,
      (weft_record){.token = h->token, .value = (int64_t)client, .kind = WEFT_CONN, .aux = (int16_t)server->type});
}

/* libuv could not accept. Without a descriptor it goes on trying: it gets one of ours, and the connection that it
 * accepts with that is held back. When there is none to give, one record will do until another thread frees one. It
 * returns whether libuv can go on. */
static int listener_refused(weft_handle *h, int status) {
  const weft_shared *s = &h->loop->shared;
  const weft_record *last = s->count > s->drained ? &s->records[s->count - 1] : NULL;
  int again = last != NULL && last->token == h->token && last->status == status;
  int given = 0;
  if (status == UV_EMFILE || status == UV_ENFILE) {
    h->paused = status;
    given = weft__spare_give(h->loop);
    if (!given && again) uv_sleep(1);
  }
  if (!again) weft__record(h->loop, (weft_record){.token = h->token, .status = status});
  return given;
}

static void listener_on_connection(uv_stream_t *server, int status) {
  weft_handle *h = weft__of_handle(server);
  h->called = 1;
  if (status != 0) {
    listener_refused(h, status);
  } else if (h->paused || h->untaken >= LISTENER_UNTAKEN) {
    h->starved++; /* on Unix it stops looking for more until this one is accepted; on Windows it has a few under way */
  } else {
    listener_accept(server);
  }
}

#ifndef _WIN32

static _Atomic(weft_io_cb) listener_libuv; /* libuv's function for streams that listen: the same for all */

/* Has libuv look for connections. Without a descriptor libuv 1.44 says so. Later ones keep it to themselves (untested).
 */
static void listener_look(uv_loop_t *uv, struct uv__io_s *w, unsigned events) {
  uv_stream_t *server = (uv_stream_t *)((char *)w - offsetof(uv_stream_t, io_watcher));
  weft_handle *h = weft__of_handle(server);
  weft_loop *loop = h->loop;
  int again = 0;
  do {
    h->called = 0;
    weft__spare_hide(loop);
    listener_libuv(uv, w, events);
    weft__spare_show(loop);
    again = !again && !h->called && weft__spare_wanted() && listener_refused(h, UV_EMFILE);
  } while (again);
}

static void listener_watch(uv_stream_t *server) {
  weft_io_cb libuv = weft__stream_watch(server, listener_look);
  if (libuv != NULL && libuv != listener_look) listener_libuv = libuv;
}

#else

static void listener_watch(uv_stream_t *server) { (void)server; }

#endif

/* To libuv, what a listener hears can only be a connection: it would abort for the end of a request from before. */
static int listener_is_busy(const weft_handle *h) { return h->connecting || h->shut || h->writes != NULL; }

int weft_stream_listen(uintptr_t handle, int backlog, uint64_t token) {
  weft_handle *h = (weft_handle *)handle;
  uv_handle_t *uv = weft__uv(handle);
  if (h->lost) return h->lost;
  if (listener_is_busy(h)) return UV_EINVAL;
  h->token = token;
  weft__spare_fill(h->loop);
  if (uv->type == UV_NAMED_PIPE) { /* to libuv, only a connection can be one that passes handles */
    h->passes = ((uv_pipe_t *)uv)->ipc != 0;
    ((uv_pipe_t *)uv)->ipc = 0;
  }
  int err = uv_listen((uv_stream_t *)uv, backlog, listener_on_connection);
  if (err != 0 && uv->type == UV_NAMED_PIPE) ((uv_pipe_t *)uv)->ipc = h->passes;
  if (err == 0) {
    h->listens = 1;
    listener_watch((uv_stream_t *)uv);
  }
  return err;
}

/* Accepts one of those that libuv holds back, if it may. */
static void listener_feed(weft_handle *h) {
  if (h->starved == 0 || h->paused || h->untaken >= LISTENER_UNTAKEN) return;
  h->starved--;
  listener_accept((uv_stream_t *)weft__uv((uintptr_t)h));
}

/* Go has taken one of the connections accepted ahead. This may append a record, also while Go drains. */
void weft_stream_taken(uintptr_t handle) {
  weft_handle *h = (weft_handle *)handle;
  h->untaken--;
  listener_feed(h);
}

/* Accepting goes on only with a spare descriptor at hand. */
void weft_stream_retry(uintptr_t handle) {
  weft_handle *h = (weft_handle *)handle;
  if (!h->paused) return;
  if (!weft__spare_fill(h->loop) && h->paused != UV_ENOMEM) {
    weft__record(h->loop, (weft_record){.token = h->token, .status = h->paused});
    return;
  }
  h->paused = 0;
  listener_feed(h);
}
