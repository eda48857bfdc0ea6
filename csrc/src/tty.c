/* SPDX-License-Identifier: MIT */
#include "internal.h"

#ifndef _WIN32
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#endif

static uv_tty_t *tty_of(uintptr_t handle) { return (uv_tty_t *)weft__uv(handle); }

#ifdef _WIN32

/* libuv duplicates the HANDLE of these; what other numbers mean is known to C's library alone. */
static int tty_init(uv_loop_t *loop, uv_tty_t *tty, int fd) {
  return fd < 0 || fd > 2 ? UV_EBADF : uv_tty_init(loop, tty, fd, 0);
}

#else

/* libuv opens a terminal anew, and puts that in place of the descriptor it was given; of other descriptors it becomes
 * the owner. It gets a duplicate: the caller's stays as it is in both cases. */
static int tty_init(uv_loop_t *loop, uv_tty_t *tty, int fd) {
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* libuv leaves standard descriptors open */
  if (copy < 0) return uv_translate_sys_error(errno);
  uv_os_fd_t used = -1;
  int err = uv_tty_init(loop, tty, copy, 0);
  if (err == 0) uv_fileno((uv_handle_t *)tty, &used);
  if (used != copy) close(copy);
  return err;
}

#endif

int weft_tty_new(uintptr_t lp, int fd, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  *handle = weft__handle_new(loop, UV_TTY, 0);
  if (*handle == 0) return UV_ENOMEM;
  int err = tty_init(loop->uv, tty_of(*handle), fd);
  if (err != 0) weft__handle_drop(*handle);
  return err;
}

int weft_tty_set_mode(uintptr_t handle, int mode) {
  if (mode == WEFT_TTY_RAW_VT) return weft__tty_raw_vt(tty_of(handle));
  return uv_tty_set_mode(tty_of(handle), (uv_tty_mode_t)mode);
}

int weft_tty_reset_mode(void) { return uv_tty_reset_mode(); }

int weft_tty_winsize(uintptr_t handle, int *width, int *height) {
  return uv_tty_get_winsize(tty_of(handle), width, height);
}

void weft_tty_set_vterm_state(int on) { uv_tty_set_vterm_state(on ? UV_TTY_SUPPORTED : UV_TTY_UNSUPPORTED); }

int weft_tty_vterm_state(int *on) {
  uv_tty_vtermstate_t state = UV_TTY_UNSUPPORTED;
  int err = uv_tty_get_vterm_state(&state);
  *on = state == UV_TTY_SUPPORTED;
  return err;
}
