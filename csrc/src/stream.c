/* SPDX-License-Identifier: MIT */
#include "internal.h"

#ifndef _WIN32
#include <sys/socket.h>
#endif

enum {
  STREAM_BATCH = 16,     /* writes to one stream that leave in one system call */
  STREAM_CHUNK = 1 << 30 /* the most that one system call is asked to write */
};

static uv_stream_t *stream_of(uintptr_t handle) { return (uv_stream_t *)weft__uv(handle); }

/* What the system cannot wait for, such as a file, cannot be read here. It can be written, for that never waits; but
 * libuv, which would abort in the poll, gets nothing to finish later. */
void weft__stream_opened(uintptr_t handle) {
  weft_handle *h = (weft_handle *)handle;
  h->refused = weft__poll_refused(h->loop, weft__uv(handle));
  h->ended = h->refused;
}

/* The requests stay with libuv until the handle is closed; it does nothing for them any more. */
void weft__stream_lost(weft_handle *h, int reads) {
#ifdef _WIN32
  (void)h;
  (void)reads;
#else
  uv_stream_t *s = stream_of((uintptr_t)h);
  if (h->ended == 0) h->ended = h->lost;
  if (reads) weft__record(h->loop, (weft_record){.token = h->token, .status = h->lost});
  if (s->connect_req != NULL) weft__req_fail(s->connect_req, h->lost);
  for (weft_req *r = h->writes; r != NULL; r = r->next) weft__req_fail(r + 1, h->lost);
  if (s->shutdown_req != NULL) weft__req_fail(s->shutdown_req, h->lost);
#endif
}

static int stream_closing(uv_stream_t *s) { return uv_is_closing((uv_handle_t *)s); }

/* libuv takes a stream whose Open has failed halfway for one that can be read and shut down, and aborts. */
static int stream_is_empty(uv_stream_t *s) {
#ifdef _WIN32
  (void)s; /* there it does not; and a pipe that connects has its descriptor late */
  return 0;
#else
  return weft__handle_fd((uv_handle_t *)s) < 0;
#endif
}

static void stream_on_alloc(uv_handle_t *uv, size_t hint, uv_buf_t *buf) {
  weft_handle *h = weft__of_handle(uv);
  (void)hint;
  *buf = uv->type == UV_TTY ? weft__tty_buffer(h) : weft__slab_rest(h);
}

/* Where the bytes of a read lie until they have been drained; NULL: there is no memory. */
static char *stream_taken(uv_stream_t *s, const uv_buf_t *buf, size_t n) {
  weft_handle *h = weft__of_handle(s);
  if (s->type == UV_TTY) return weft__tty_taken(h, buf->base, n);
  weft__slab_take(h, n);
  return buf->base;
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
      err != 0 && err != EPIPE) { /* a reset behind the end */
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
  int waits = h->waits;
  h->waits = 0;
  if (n == 0) return;                   /* nothing was there after all */
  if (n == UV_ENOBUFS && waits) return; /* it goes on in a later turn */
  char *data = n > 0 ? stream_taken(s, buf, (size_t)n) : NULL;
  if (n > 0 && data == NULL) n = UV_ENOMEM;
  if (n < 0) {
    uv_read_stop(s);
    if (n == UV_EOF && s->type == UV_TTY) weft__tty_last(s);
    if (n == UV_EOF) n = stream_end(s);
    h->ended = (int32_t)n;
    weft__record(h->loop, (weft_record){.token = h->token, .status = (int32_t)n});
    return;
  }
  if (s->type == UV_NAMED_PIPE && ((uv_pipe_t *)s)->ipc) weft__pipe_take(s);
  weft__record(h->loop, (weft_record){.token = h->token, .value = n, .data = data, .kind = WEFT_DATA});
}

/* To libuv, what comes of reading on after an end is undefined: here it is the end again. */
void weft__stream_read_start(weft_loop *loop, const weft_sub *sub) {
  uv_stream_t *s = stream_of(sub->handle);
  weft_handle *h = weft__of_handle(s);
  h->token = sub->token;
  int err = h->ended;
  if (err == 0 && stream_closing(s)) err = UV_ECANCELED;
  if (err == 0 && stream_is_empty(s)) err = UV_ENOTCONN;
  if (err == 0) err = uv_read_start(s, stream_on_alloc, stream_on_read);
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
    if (r->sent != NULL) weft__handle_back(r->sent);
    weft__req_free(r + 1);
    if (done.token != 0) weft__record(h->loop, done);
  }
}

/* Notes a write that libuv has. */
static void stream_written(weft_handle *h, uv_write_t *req) {
  if (h->writes == NULL) {
    h->writes = weft__of_req(req);
  } else {
    h->last_write->next = weft__of_req(req);
  }
  h->last_write = weft__of_req(req);
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

/* Writes all of it now, to a descriptor that the system cannot wait for. */
static int stream_write_out(uv_stream_t *s, char *data, uint64_t len) {
  while (len > 0) {
    uv_buf_t buf = uv_buf_init(data, (unsigned)(len < STREAM_CHUNK ? len : STREAM_CHUNK));
    int n = uv_try_write(s, &buf, 1);
    if (n == 0 || n == UV_EAGAIN) return weft__of_handle(s)->refused;
    if (n < 0) return n;
    data += n;
    len -= (uint64_t)n;
  }
  return 0;
}

/* Hands what is left of a write to libuv. */
static void stream_write_rest(weft_loop *loop, const weft_sub *sub, uint64_t done) {
  char *data;
  if (((weft_handle *)sub->handle)->refused) {
    stream_wrote(loop, sub, stream_write_out(stream_of(sub->handle), stream_data(loop, sub) + done, sub->len - done));
    return;
  }
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
  stream_written((weft_handle *)sub->handle, req);
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
  int64_t left = UV_EAGAIN; /* behind writes that libuv has, also those that it has done and not called back for */
  if (stream_closing(s)) {
    left = UV_ECANCELED;
  } else if (weft__of_handle(s)->lost) {
    left = weft__of_handle(s)->lost;
  } else if (weft__of_handle(s)->writes == NULL) {
    left = uv_try_write(s, bufs, count);
  }
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

/* What libuv would crash for, or take and not send. */
static int stream_cannot_pass(uv_stream_t *s, uintptr_t send) {
  const uv_handle_t *uv = weft__uv(send);
  uv_os_fd_t fd;
  if (s->type != UV_NAMED_PIPE || !((uv_pipe_t *)s)->ipc) return UV_EINVAL;
  if (weft__of_handle(s)->refused) return weft__of_handle(s)->refused;
  if (uv->type != UV_TCP && uv->type != UV_NAMED_PIPE && uv->type != UV_UDP) return UV_EINVAL;
  return uv_fileno(uv, &fd) == 0 ? 0 : UV_EBADF;
}

static int stream_write_now(weft_handle *h, const uv_buf_t *bufs, uint32_t n, uintptr_t send, uint64_t token) {
  uv_write_t *req = weft__req_new(h->loop, UV_WRITE, token, 0);
  if (req == NULL) return UV_ENOMEM;
  uv_stream_t *sent = send == 0 ? NULL : stream_of(send);
  int err = uv_write2(req, stream_of((uintptr_t)h), bufs, n, sent, stream_on_write);
  if (err != 0) {
    weft__req_free(req);
    return err;
  }
  weft_req *r = weft__of_req(req);
  for (uint32_t i = 0; i < n; i++) r->len += bufs[i].len;
  if (send != 0) {
    r->sent = (weft_handle *)send;
    r->sent->lent++;
  }
  stream_written(h, req);
  return 0;
}

static void stream_write_out_all(weft_handle *h, const weft_piece *pieces, uint32_t n, uint64_t token) {
  weft_record done = {.token = token};
  for (uint32_t i = 0; i < n; i++) {
    if (done.status == 0) {
      done.status = stream_write_out(stream_of((uintptr_t)h), (char *)pieces[i].data, pieces[i].len);
    }
    done.value += (int64_t)pieces[i].len;
  }
  weft__record(h->loop, done);
}

int weft_stream_write(uintptr_t handle, const weft_piece *pieces, uint32_t n, uintptr_t send, uint64_t token) {
  weft_handle *h = (weft_handle *)handle;
  if (h->lost) return h->lost;
  if (h->listens) return UV_EPIPE; /* libuv would hear of the end of this write as of a connection */
  if (send != 0) {
    int err = stream_cannot_pass(stream_of(handle), send);
    if (err != 0) return err;
  } else if (h->refused) {
    stream_write_out_all(h, pieces, n, token);
    return 0;
  }
  uv_buf_t few[STREAM_BATCH], *bufs = few;
  size_t size = n * sizeof(*bufs);
  if (n > STREAM_BATCH && (bufs = weft__calloc(h->loop, size)) == NULL) return UV_ENOMEM;
  for (uint32_t i = 0; i < n; i++) bufs[i] = uv_buf_init((char *)pieces[i].data, (unsigned)pieces[i].len);
  int err = stream_write_now(h, bufs, n, send, token);
  if (bufs != few) weft__free(h->loop, bufs, size);
  return err;
}

int64_t weft_stream_try_pass(uintptr_t handle, const void *data, uint64_t len, uintptr_t send) {
  uv_buf_t buf = uv_buf_init((char *)data, (unsigned)(len < STREAM_CHUNK ? len : STREAM_CHUNK));
  int err = ((weft_handle *)handle)->lost;
  if (err == 0) err = stream_cannot_pass(stream_of(handle), send);
  return err != 0 ? err : uv_try_write2(stream_of(handle), &buf, 1, stream_of(send));
}

int64_t weft_stream_try_write(uintptr_t handle, const void *data, uint64_t len) {
  uv_buf_t buf = uv_buf_init((char *)data, (unsigned)(len < STREAM_CHUNK ? len : STREAM_CHUNK));
  int err = ((weft_handle *)handle)->lost;
  return err != 0 ? err : uv_try_write(stream_of(handle), &buf, 1);
}

uint64_t weft_stream_queue(uintptr_t handle) { return uv_stream_get_write_queue_size(stream_of(handle)); }

int weft_stream_blocking(uintptr_t handle, int on) { return uv_stream_set_blocking(stream_of(handle), on); }

int weft_stream_is_shut(uintptr_t handle) { return ((weft_handle *)handle)->shut; }

static void stream_on_shutdown(uv_shutdown_t *req, int status) {
  weft_req *r = weft__of_req(req);
  weft_loop *loop = r->loop;
  weft_record done = {.token = r->token, .status = status};
  weft__req_free(req);
  if (done.token != 0) weft__record(loop, done);
}

/* libuv would take a connection under way for one, if its shutdown were asked for; a file; and a listener. */
static int stream_shutdown(uv_stream_t *s, uint64_t token) {
  weft_handle *h = weft__of_handle(s);
  if (stream_closing(s)) return UV_ECANCELED;
  if (h->lost) return h->lost;
  if (h->connecting || h->refused || h->listens || stream_is_empty(s)) return UV_ENOTCONN;
  uv_shutdown_t *req = weft__req_new(h->loop, UV_SHUTDOWN, token, 0);
  if (req == NULL) return UV_ENOMEM;
  int err = uv_shutdown(req, s, stream_on_shutdown);
  if (err != 0) {
    weft__req_free(req);
  } else {
    h->shut = 1;
  }
  return err;
}

void weft__stream_shutdown(weft_loop *loop, const weft_sub *sub) {
  int err = stream_shutdown(stream_of(sub->handle), sub->token);
  if (err != 0) weft__record(loop, (weft_record){.token = sub->token, .status = err});
}

uv_connect_t *weft__stream_connect(uintptr_t handle, uint64_t token) {
  return weft__req_new(((weft_handle *)handle)->loop, UV_CONNECT, token, 0);
}

int weft__stream_connecting(uv_connect_t *req, int err) {
  if (err != 0) {
    weft__req_free(req);
  } else {
    weft__of_handle(req->handle)->connecting = 1;
  }
  return err;
}

void weft__stream_on_connect(uv_connect_t *req, int status) {
  weft_req *r = weft__of_req(req);
  weft_loop *loop = r->loop;
  /* On Windows a pipe that closes says that its handle is none. */
  if (status != 0 && stream_closing(req->handle)) status = UV_ECANCELED;
  weft_record done = {.token = r->token, .status = status};
  weft__of_handle(req->handle)->connecting = 0;
  weft__req_free(req);
  if (done.token != 0) weft__record(loop, done);
}
