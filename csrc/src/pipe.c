/* SPDX-License-Identifier: MIT */
#include "internal.h"

#ifdef _WIN32
enum { PIPE_NAME = 1024 }; /* the system's limit, in UTF-8, is less than that */
#else
#include <sys/stat.h>
#include <sys/un.h>
enum { PIPE_NAME = sizeof(((struct sockaddr_un *)0)->sun_path) };
#endif

static uv_pipe_t *pipe_of(uintptr_t handle) { return (uv_pipe_t *)weft__uv(handle); }

int weft_pipe_new(uintptr_t lp, int ipc, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  *handle = weft__handle_new(loop, UV_NAMED_PIPE, 0);
  if (*handle == 0) return UV_ENOMEM;
  int err = uv_pipe_init(loop->uv, pipe_of(*handle), ipc);
  if (err != 0) weft__handle_drop(*handle);
  return err;
}

int weft_pipe_open(uintptr_t handle, uintptr_t fd) {
  if (((weft_handle *)handle)->lost) return ((weft_handle *)handle)->lost;
  if (((weft_handle *)handle)->connecting) return UV_EBUSY;
  if ((uintptr_t)(uv_file)fd != fd) return UV_EBADF; /* cut off, it would be another one */
  int err = uv_pipe_open(pipe_of(handle), (uv_file)fd);
  if (err == 0) weft__stream_opened(handle);
  return err;
}

/* A copy that ends in NUL. libuv cuts off what is too long for a name, and what stands behind a NUL in the midst of it.
 * One in front, which the end does not follow at once, makes the name an abstract one. */
static int pipe_name(char *copy, const char *name, size_t len) {
  int abstract = len > 1 && name[0] == '\0';
  if (len == 0 || (!abstract && memchr(name, '\0', len) != NULL)) return UV_EINVAL;
  if (len + !abstract > PIPE_NAME) return UV_ENAMETOOLONG;
  memcpy(copy, name, len);
  copy[len] = '\0';
  return 0;
}

/* On Unix, libuv returns EACCES for a folder that does not exist, as Windows does. name is cut off behind the folder.
 */
static int pipe_bind_error(int err, char *name) {
#ifndef _WIN32
  char *slash = strrchr(name, '/');
  if (err != UV_EACCES || slash == NULL) return err;
  slash[1] = '\0';
  struct stat folder;
  if (stat(name, &folder) != 0 && errno == ENOENT) return UV_ENOENT;
#else
  (void)name;
#endif
  return err;
}

int weft_pipe_bind(uintptr_t handle, const char *name, size_t len) {
  char copy[PIPE_NAME + 1];
  int err = pipe_name(copy, name, len);
  if (err != 0) return err;
  err = weft__pipe_bind(pipe_of(handle), copy, len);
  return err == 0 ? 0 : pipe_bind_error(err, copy);
}

/* libuv would forget a connect request under way for a second one, and cancel the writes of a connection. */
static int pipe_cannot_connect(uintptr_t handle) {
  char peer[2];
  size_t size = sizeof(peer);
  if (((weft_handle *)handle)->lost) return ((weft_handle *)handle)->lost;
  if (((weft_handle *)handle)->connecting) return UV_EALREADY;
  int err = uv_pipe_getpeername(pipe_of(handle), peer, &size);
  return err == 0 || err == UV_ENOBUFS ? UV_EISCONN : 0;
}

/* To libuv, only the socket that it makes for a connect request can be read and written then: not the one of Bind, or
 * of a connect that failed. Opening it anew says that it can. */
static int pipe_reopen(uintptr_t handle) {
#ifndef _WIN32
  int64_t fd = weft__handle_fd(weft__uv(handle));
  if (fd >= 0 && !uv_is_writable((uv_stream_t *)weft__uv(handle))) return uv_pipe_open(pipe_of(handle), (uv_file)fd);
#else
  (void)handle;
#endif
  return 0;
}

int weft_pipe_connect(uintptr_t handle, const char *name, size_t len, uint64_t token) {
  char copy[PIPE_NAME + 1];
  int err = pipe_name(copy, name, len);
  if (err == 0) err = pipe_cannot_connect(handle);
  if (err == 0) err = pipe_reopen(handle);
  if (err != 0) return err;
  weft__standard_fill();
  uv_connect_t *req = weft__stream_connect(handle, token);
  if (req == NULL) return UV_ENOMEM;
  err = weft__pipe_connect(req, pipe_of(handle), copy, len, weft__stream_on_connect);
  return weft__stream_connecting(req, err);
}

int64_t weft_pipe_name(uintptr_t handle, int peer, char *buf, size_t len) {
  int err = peer ? uv_pipe_getpeername(pipe_of(handle), buf, &len) : uv_pipe_getsockname(pipe_of(handle), buf, &len);
  return err != 0 ? err : (int64_t)len;
}

/* libuv takes the name of an abstract socket, which does not end, for that of a file. */
int weft_pipe_chmod(uintptr_t handle, int mode) {
  char name[PIPE_NAME + 1];
  size_t size = sizeof(name);
  if (uv_pipe_getsockname(pipe_of(handle), name, &size) == 0 && (size == 0 || name[0] == '\0')) return UV_EINVAL;
  return uv_pipe_chmod(pipe_of(handle), mode);
}

void weft_pipe_instances(uintptr_t handle, int n) { uv_pipe_pending_instances(pipe_of(handle), n); }

int weft_pipe_pair(int read_flags, int write_flags, uintptr_t fds[2]) {
  uv_file pair[2];
  int err = uv_pipe(pair, read_flags, write_flags);
  for (int i = 0; i < 2 && err == 0; i++) fds[i] = (uintptr_t)pair[i];
  return err;
}

int weft_socketpair(int type, int protocol, int flags_first, int flags_second, uintptr_t fds[2]) {
  uv_os_sock_t pair[2];
  int err = uv_socketpair(type, protocol, pair, flags_first, flags_second);
  for (int i = 0; i < 2 && err == 0; i++) fds[i] = (uintptr_t)pair[i];
  return err;
}

/* A handle of the kind that libuv has waiting. What is neither TCP nor UDP, files included, fits a pipe. */
static int pipe_receiver(uv_pipe_t *pipe, uintptr_t *handle, int16_t *type) {
  weft_handle *h = weft__of_handle(pipe);
  *type = (int16_t)uv_pipe_pending_type(pipe);
  switch (*type) {
    case UV_TCP:
      return weft_tcp_new((uintptr_t)h->loop, handle);
    case UV_UDP:
      return weft_udp_new((uintptr_t)h->loop, 0, 0, handle);
    default:
      return weft_pipe_new((uintptr_t)h->loop, 0, handle);
  }
}

/* What came from somebody else may be of any kind, and blocking: libuv leaves that as it is, and would wait. */
static void pipe_taken(uintptr_t handle) {
  weft__standard_avoid(weft__uv(handle));
  if (weft__uv(handle)->type == UV_UDP) {
    weft__udp_note(handle);
    return;
  }
  weft__stream_opened(handle);
#ifndef _WIN32
  uv_stream_set_blocking((uv_stream_t *)weft__uv(handle), 0);
#endif
}

/* Taking them here, before the record of the bytes, keeps them with the bytes that they came with; and libuv, when a
 * handle is taken after reading has stopped, spins on a socket that it does not read. */
void weft__pipe_take(uv_stream_t *s) {
  uv_pipe_t *pipe = (uv_pipe_t *)s;
  weft_handle *h = weft__of_handle(s);
  while (uv_pipe_pending_count(pipe) > 0) {
    uintptr_t handle;
    int16_t type;
    if (pipe_receiver(pipe, &handle, &type) != 0) return; /* it waits for the next read, or goes with the pipe */
    int err = uv_accept(s, (uv_stream_t *)weft__uv(handle));
    if (err != 0) {
      weft__handle_close(h->loop, &(weft_sub){.handle = handle, .op = WEFT_CLOSE});
      handle = 0;
    } else {
      pipe_taken(handle);
    }
    weft__record(
        h->loop,
        (weft_record){.token = h->token, .value = (int64_t)handle, .status = err, .kind = WEFT_CONN, .aux = type});
  }
}
