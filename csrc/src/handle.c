/* SPDX-License-Identifier: MIT */
#include "internal.h"

uintptr_t weft__handle_new(weft_loop *loop, uv_handle_type type, uint64_t token) {
  /* libuv's own word for the size: the library at run time may be another than the header at build time. */
  size_t size = sizeof(weft_handle) + uv_handle_size(type);
  if (type != UV_TIMER && type != UV_IDLE && type != UV_PREPARE && type != UV_CHECK) weft__standard_fill();
  weft_handle *h = weft__calloc(loop, size);
  if (h == NULL) return 0;
  h->loop = loop;
  h->token = token;
  h->size = (uint32_t)size;
  weft__uv((uintptr_t)h)->data = h; /* how a walk knows those of ours */
  loop->shared.handles++;
  return (uintptr_t)h;
}

void weft__handle_drop(uintptr_t handle) {
  weft_handle *h = (weft_handle *)handle;
#ifdef _WIN32
  weft__free(h->loop, h->typed, WEFT_TTY_LINE);
#endif
  h->loop->shared.handles--;
  weft__free(h->loop, h, h->size);
}

void weft__handle_back(weft_handle *h) {
  if (--h->lent == 0 && h->gone) weft__handle_drop((uintptr_t)h);
}

/* libuv looks at a handle that a write passes along until the write is done, also when it was closed meanwhile. */
static void handle_on_close(uv_handle_t *uv) {
  weft_handle *h = weft__of_handle(uv);
  weft_loop *loop = h->loop;
  uint64_t token = h->close_token;
  if (h->lent > 0) {
    h->gone = 1;
  } else {
    weft__handle_drop((uintptr_t)h);
  }
  if (token != 0) weft__record(loop, (weft_record){.token = token});
}

void weft__handle_close(weft_loop *loop, const weft_sub *sub) {
  uv_handle_t *uv = weft__uv(sub->handle);
  weft_handle *h = (weft_handle *)sub->handle;
  h->close_token = sub->token;
  if (uv->type == UV_SIGNAL) weft_signal_stop(sub->handle);
  if (uv->type == UV_TTY) weft__tty_close(sub->handle);
  if (sub->op == WEFT_CLOSE_RESET && uv->type == UV_TCP && uv_tcp_close_reset((uv_tcp_t *)uv, handle_on_close) == 0) {
    return;
  }
  if (uv->type == UV_POLL) {
    weft__poll_close(loop, uv, handle_on_close);
    return;
  }
  int pid = uv->type == UV_PROCESS ? weft__process_left((uv_process_t *)uv) : 0;
  uv_close(uv, handle_on_close);
  if (pid == 0) return;
  loop->children--;
  weft__reap_adopt(pid);
}

int weft__handle_state(const uv_handle_t *uv) {
  int state = 0;
  if (uv_is_active(uv)) state |= WEFT_ACTIVE;
  if (uv_has_ref(uv)) state |= WEFT_HAS_REF;
  if (uv_is_closing(uv)) state |= WEFT_CLOSING;
  if (uv->type == UV_TCP || uv->type == UV_NAMED_PIPE || uv->type == UV_TTY) {
    if (uv_is_readable((const uv_stream_t *)uv)) state |= WEFT_READABLE;
    if (uv_is_writable((const uv_stream_t *)uv)) state |= WEFT_WRITABLE;
  }
  return state;
}

int weft_handle_state(uintptr_t handle) { return weft__handle_state(weft__uv(handle)); }

int weft_handle_type(uintptr_t handle) { return weft__uv(handle)->type; }

int weft_guess_handle(int fd) { return uv_guess_handle(fd); }

int weft_handle_fileno(uintptr_t handle, int64_t *out) {
  uv_os_fd_t fd;
  int err = uv_fileno(weft__uv(handle), &fd);
  if (err == 0) *out = (int64_t)(intptr_t)fd;
  return err;
}

int64_t weft__handle_fd(const uv_handle_t *uv) {
  uv_os_fd_t fd;
  return uv_fileno(uv, &fd) == 0 ? (int64_t)(intptr_t)fd : -1;
}

int weft_handle_buffer_size(uintptr_t handle, int sending, int *value) {
  uv_handle_t *uv = weft__uv(handle);
  return sending ? uv_send_buffer_size(uv, value) : uv_recv_buffer_size(uv, value);
}

void weft_handle_ref(uintptr_t handle, int on) {
  if (on) {
    uv_ref(weft__uv(handle));
  } else {
    uv_unref(weft__uv(handle));
  }
}
