/* SPDX-License-Identifier: MIT */
#include "internal.h"

#ifndef _WIN32
#include <sys/socket.h>
#endif

enum {
  STREAM_BATCH = 16,     /* writes to one stream that leave in one system call */
  STREAM_UNTAKEN = 64,   /* connections accepted ahead of Go */
  STREAM_CHUNK = 1 << 30 /* the most that one system call is asked to write */
};

static uv_stream_t *stream_of(uintptr_t handle) { return (uv_stream_t *)weft__uv(handle); }

static int stream_closing(uv_stream_t *s) { return uv_is_closing((uv_handle_t *)s); }

static void stream_on_alloc(uv_handle_t *uv, size_t hint, uv_buf_t *buf) {
  (void)hint;
  *buf = weft__slab_rest(weft__of_handle(uv)->loop);
}

/* Whether the end of a stream is one: a reset must not pass for it, or what was cut off would look whole. libuv 1.44
 * reports an end when the system tells of the last bytes and of a reset at once, and leaves the socket's error alone.
 * And the system tells a reset once: a read behind the write that was told finds an end. */
static ssize_t stream_end(uv_stream_t *s) {
  int broken = weft__of_handle(s)->broken;
#ifndef _WIN32
  uv_os_fd_t fd;
  int err = 0;
  socklen_t len = sizeof(err);
  if (broken == 0 && uv_fileno((uv_handle_t *)s, &fd) == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == 0 &&
      err != 0) {
    broken = uv_translate_sys_error(err);
  }
#endif
  return broken != 0 ? broken : UV_EOF;
}

/* Notes an error of the connection itself, as against one of its writing side. */
static void stream_broke(void *uv, int64_t status) {
  if (status == UV_ECONNRESET || status == UV_ETIMEDOUT) weft__of_handle(uv)->broken = (int32_t)status;
}

static void stream_on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf) {
  weft_handle *h = weft__of_handle(s);
  if (n == 0) return;                                         /* nothing was there after all */
  if (n == UV_ENOBUFS && weft__slab_is_full(h->loop)) return; /* it goes on in the next turn */
  if (n < 0) {
    uv_read_stop(s);
    if (n == UV_EOF) n = stream_end(s);
    weft__record(h->loop, (weft_record){.token = h->token, .status = (int32_t)n});
    return;
  }
  weft__slab_take(h->loop, (size_t)n);
  weft__record(h->loop, (weft_record){.token = h->token, .value = n, .data = buf->base, .kind = WEFT_DATA});
}

void weft__stream_read_start(weft_loop *loop, const weft_sub *sub) {
  uv_stream_t *s = stream_of(sub->handle);
  weft__of_handle(s)->token = sub->token;
  int err = stream_closing(s) ? UV_ECANCELED : uv_read_start(s, stream_on_alloc, stream_on_read);
  if (err != 0 && err != UV_EALREADY) {
    weft__record(loop, (weft_record){.token = sub->token, .status = err});
  }
}

void weft__stream_read_stop(const weft_sub *sub) { uv_read_stop(stream_of(sub->handle)); }

/* Writes to one stream complete in order, also when they are cancelled, which on Windows happens in any order: whoever
 * wrote may go by that, and frees the memory of the oldest. */
static void stream_on_write(uv_write_t *req, int status) {
  weft_handle *h = weft__of_handle(req->handle);
  weft_req *r = weft__of_req(req);
  stream_broke(req->handle, status);
  r->status = status;
  r->done = 1;
  while (h->writes != NULL && h->writes->done) {
    r = h->writes;
    h->writes = r->next;
    weft_record done = {.token = r->token, .value = (int64_t)r->len, .status = r->status};
    weft__req_free(r + 1);
    weft__record(h->loop, done);
  }
}

static char *stream_data(const weft_loop *loop, const weft_sub *sub) {
  return sub->op == WEFT_SEND ? loop->shared.arena + sub->data : (char *)sub->data;
}

static int stream_is_quiet(const weft_sub *sub) { return sub->op == WEFT_SEND && !(sub->flags & WEFT_LOUD); }

/* Says how a write has ended that libuv does not have. */
static void stream_wrote(weft_loop *loop, const weft_sub *sub, int status) {
  if (status == 0 && stream_is_quiet(sub)) return;
  weft__record(loop, (weft_record){.token = sub->token, .value = (int64_t)sub->len, .status = status});
}

/* Makes the request for what is left of a write. That of a send takes its bytes along: the arena is for one turn. */
static uv_write_t *stream_rest(weft_loop *loop, const weft_sub *sub, uint64_t done, char **data) {
  uint64_t left = sub->len - done;
  int copies = sub->op == WEFT_SEND;
  uv_write_t *req = weft__req_new(loop, UV_WRITE, sub->token, copies ? left : 0);
  if (req == NULL) return NULL;
  weft__of_req(req)->len = stream_is_quiet(sub) ? left : sub->len;
  *data = stream_data(loop, sub) + done;
  if (copies) *data = memcpy((char *)req + uv_req_size(UV_WRITE), *data, left);
  return req;
}

/* Hands what is left of a write to libuv. */
static void stream_write_rest(weft_loop *loop, const weft_sub *sub, uint64_t done) {
  char *data;
  uv_write_t *req = stream_rest(loop, sub, done, &data);
  if (req == NULL) {
    stream_wrote(loop, sub, UV_ENOMEM);
    return;
  }
  uv_buf_t bufs[8];
  unsigned n = 0;
  for (uint64_t left = sub->len - done; left > 0 && n < 8; n++) {
    uint64_t len = left < STREAM_CHUNK ? left : STREAM_CHUNK;
    bufs[n] = uv_buf_init(data, (unsigned)len);
    data += len;
    left -= len;
  }
  int err = uv_write(req, stream_of(sub->handle), bufs, n, stream_on_write);
  if (err != 0) {
    weft__req_free(req);
    stream_wrote(loop, sub, err);
    return;
  }
  if (stream_is_quiet(sub)) {
    int64_t left = (int64_t)(sub->len - done);
    weft__record(loop, (weft_record){.token = sub->token, .value = left, .kind = WEFT_QUEUED});
  }
  weft_handle *h = (weft_handle *)sub->handle;
  if (h->writes == NULL) {
    h->writes = weft__of_req(req);
  } else {
    h->last_write->next = weft__of_req(req);
  }
  h->last_write = weft__of_req(req);
}

/* The writes that follow sub on the same stream: they leave together. */
static uint32_t stream_batch(const weft_loop *loop, const weft_sub *sub, uint32_t n, uv_buf_t *bufs) {
  uint32_t count = 0;
  while (count < n && count < STREAM_BATCH && sub[count].handle == sub->handle &&
         (sub[count].op == WEFT_WRITE || sub[count].op == WEFT_SEND)) {
    uint64_t len = sub[count].len < STREAM_CHUNK ? sub[count].len : STREAM_CHUNK;
    bufs[count] = uv_buf_init(stream_data(loop, &sub[count]), (unsigned)len);
    count++;
    if (len < sub[count - 1].len) break;
  }
  return count;
}

uint32_t weft__stream_write(weft_loop *loop, const weft_sub *sub, uint32_t n) {
  uv_stream_t *s = stream_of(sub->handle);
  if (sub->len == 0) { /* it only wants to hear that those before it are on their way */
    stream_wrote(loop, sub, stream_closing(s) ? UV_ECANCELED : 0);
    return 1;
  }
  uv_buf_t bufs[STREAM_BATCH];
  uint32_t count = stream_batch(loop, sub, n, bufs);
  int64_t left = UV_ECANCELED;
  if (!stream_closing(s)) left = uv_try_write(s, bufs, count);
  if (left == UV_EAGAIN) left = 0;
  stream_broke(s, left);
  for (uint32_t i = 0; i < count; i++) {
    if (left < 0) {
      stream_wrote(loop, &sub[i], (int)left);
    } else if ((uint64_t)left >= sub[i].len) {
      left -= (int64_t)sub[i].len;
      stream_wrote(loop, &sub[i], 0);
    } else {
      stream_write_rest(loop, &sub[i], (uint64_t)left);
      left = 0;
    }
  }
  return count;
}

int64_t weft_stream_try_write(uintptr_t handle, const void *data, uint64_t len) {
  uv_buf_t buf = uv_buf_init((char *)data, (unsigned)(len < STREAM_CHUNK ? len : STREAM_CHUNK));
  return uv_try_write(stream_of(handle), &buf, 1);
}

uint64_t weft_stream_queue(uintptr_t handle) { return uv_stream_get_write_queue_size(stream_of(handle)); }

static void stream_on_shutdown(uv_shutdown_t *req, int status) {
  weft_req *r = weft__of_req(req);
  weft_loop *loop = r->loop;
  weft_record done = {.token = r->token, .status = status};
  weft__req_free(req);
  weft__record(loop, done);
}

void weft__stream_shutdown(weft_loop *loop, const weft_sub *sub) {
  uv_stream_t *s = stream_of(sub->handle);
  uv_shutdown_t *req = weft__req_new(loop, UV_SHUTDOWN, sub->token, 0);
  int err = UV_ENOMEM;
  if (req != NULL) {
    err = stream_closing(s) ? UV_ECANCELED : uv_shutdown(req, s, stream_on_shutdown);
    if (err != 0) weft__req_free(req);
  }
  if (err != 0) weft__record(loop, (weft_record){.token = sub->token, .status = err});
}

/* Leaves the connection that libuv has ready with it; libuv then stops looking for more. */
static void stream_hold(weft_handle *h, int why) {
  h->paused = why;
  h->starved++;
}

/* Accepts the connection that libuv has ready. Doing it here, not when Go hears of it, lets libuv accept the next ones
 * in the same turn. */
static void stream_accept(uv_stream_t *server) {
  weft_handle *h = weft__of_handle(server);
  uintptr_t client;
  int err = weft_tcp_new((uintptr_t)h->loop, &client);
  if (err != 0) {
    stream_hold(h, err);
  } else if ((err = uv_accept(server, stream_of(client))) != 0) {
    weft__handle_close(h->loop, &(weft_sub){.handle = client, .op = WEFT_CLOSE});
  }
  if (err != 0) {
    weft__record(h->loop, (weft_record){.token = h->token, .status = err});
    return;
  }
  h->untaken++;
  weft__record(h->loop, (weft_record){.token = h->token, .value = (int64_t)client, .kind = WEFT_CONN});
}

/* libuv could not accept. Without a descriptor it goes on trying: it gets one of ours, and the connection that it
 * accepts with that is held back. When there is none to give, one record will do until another thread frees one. */
static void stream_refused(weft_handle *h, int status) {
  const weft_shared *s = &h->loop->shared;
  const weft_record *last = s->count > s->drained ? &s->records[s->count - 1] : NULL;
  int again = last != NULL && last->token == h->token && last->status == status;
  if (status == UV_EMFILE || status == UV_ENFILE) {
    h->paused = status;
    if (!weft__spare_give(h->loop) && again) uv_sleep(1);
  }
  if (!again) weft__record(h->loop, (weft_record){.token = h->token, .status = status});
}

static void stream_on_connection(uv_stream_t *server, int status) {
  weft_handle *h = weft__of_handle(server);
  if (status != 0) {
    stream_refused(h, status);
  } else if (h->paused || h->untaken >= STREAM_UNTAKEN) {
    h->starved++; /* on Unix it stops looking for more until this one is accepted; on Windows it has a few under way */
  } else {
    stream_accept(server);
  }
}

int weft_stream_listen(uintptr_t handle, int backlog, uint64_t token) {
  ((weft_handle *)handle)->token = token;
  weft__spare_fill(((weft_handle *)handle)->loop);
  return uv_listen(stream_of(handle), backlog, stream_on_connection);
}

/* Accepts one of those that libuv holds back, if it may. */
static void stream_feed(weft_handle *h) {
  if (h->starved == 0 || h->paused || h->untaken >= STREAM_UNTAKEN) return;
  h->starved--;
  stream_accept(stream_of((uintptr_t)h));
}

/* Go has taken one of the connections accepted ahead. This may append a record, also while Go drains. */
void weft_stream_taken(uintptr_t handle) {
  weft_handle *h = (weft_handle *)handle;
  h->untaken--;
  stream_feed(h);
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
  stream_feed(h);
}
