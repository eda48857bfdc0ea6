/* SPDX-License-Identifier: MIT */
#include "internal.h"

#ifndef _WIN32
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#endif

static uv_tty_t *tty_of(uintptr_t handle) { return (uv_tty_t *)weft__uv(handle); }

#ifdef _WIN32

/* libuv duplicates the HANDLE of these; what other numbers mean is known to C's library alone. */
static int tty_init(uv_loop_t *loop, uv_tty_t *tty, int fd) {
  return fd < 0 || fd > 2 ? UV_EBADF : uv_tty_init(loop, tty, fd, 0);
}

void weft__tty_last(uv_stream_t *tty) { (void)tty; }

/* By reading libuv; untested, for it takes somebody who types. A line is read by a thread, into a buffer that was asked
 * for when that began. It cannot be the loop's slab, which others go on reading into, and which is used again, or
 * freed, when the turn is over. libuv begins no second read meanwhile, and closes the handle when the thread is
 * through. */
uv_buf_t weft__tty_buffer(weft_handle *h) {
  if (h->typed == NULL) h->typed = weft__calloc(h->loop, WEFT_TTY_LINE);
  return uv_buf_init(h->typed, h->typed == NULL ? 0 : WEFT_TTY_LINE);
}

char *weft__tty_taken(weft_handle *h, char *base, size_t n) {
  char *kept = weft__slab_keep(h->loop, n);
  return kept == NULL ? NULL : memcpy(kept, base, n);
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

enum { TTY_CHUNK = 4096 }; /* what the system gives at a time */

/* A terminal gives less at a time than a read asks for, which up to 1.51 libuv takes for all that there is when the
 * other end has closed: the last of what a child has said would be lost. */
void weft__tty_last(uv_stream_t *tty) {
  weft_handle *h = weft__of_handle(tty);
  struct pollfd fd = {.fd = (int)weft__handle_fd((uv_handle_t *)tty), .events = POLLIN};
  char bytes[TTY_CHUNK];
  while (poll(&fd, 1, 0) > 0 && (fd.revents & POLLIN)) { /* for a master blocks */
    ssize_t n = read(fd.fd, bytes, sizeof(bytes));
    if (n < 0 && errno == EINTR) continue;
    char *kept = n > 0 ? weft__slab_keep(h->loop, (size_t)n) : NULL;
    if (kept == NULL) return;
    memcpy(kept, bytes, (size_t)n);
    weft__record(h->loop, (weft_record){.token = h->token, .value = n, .data = kept, .kind = WEFT_DATA});
  }
}

uv_buf_t weft__tty_buffer(weft_handle *h) { return weft__slab_rest(h); }

char *weft__tty_taken(weft_handle *h, char *base, size_t n) {
  weft__slab_take(h, n);
  return base;
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

static int tty_set_mode(uintptr_t handle, int mode) {
  if (mode == WEFT_TTY_RAW_VT) return weft__tty_raw_vt(tty_of(handle));
  return uv_tty_set_mode(tty_of(handle), (uv_tty_mode_t)mode);
}

#ifdef _WIN32

int weft_tty_set_mode(uintptr_t handle, int mode) { return tty_set_mode(handle, mode); }

void weft__tty_close(uintptr_t handle) { (void)handle; }

int weft_tty_reset_mode(void) { return uv_tty_reset_mode(); }

#else

/* A terminal whose mode was set, until that is normal again or the handle is closed. libuv keeps the mode of the first
 * one only, with its descriptor, which up to 1.48 it goes on to use when the handle is closed and the number is perhaps
 * another file's. And to a second handle of the same terminal it takes for normal what the first has set. */
typedef struct tty_kept {
  struct tty_kept *next;
  uintptr_t handle;
  int fd;
  dev_t terminal;       /* 0: not known */
  struct termios first; /* what was there before any of ours */
  int reset;            /* libuv believes that the mode is set still */
} tty_kept;

static tty_kept *tty_all; /* the newest first */
static pthread_mutex_t tty_mutex = PTHREAD_MUTEX_INITIALIZER;

static tty_kept **tty_find(uintptr_t handle) {
  tty_kept **at = &tty_all;
  while (*at != NULL && (*at)->handle != handle) at = &(*at)->next;
  return at;
}

/* All masters of pseudo terminals are the same device. */
static dev_t tty_terminal(int fd) {
  struct stat sb;
#ifdef TIOCGPTN
  unsigned number;
  if (ioctl(fd, TIOCGPTN, &number) == 0) return 0;
#endif
  return fstat(fd, &sb) == 0 ? sb.st_rdev : 0;
}

static int tty_first(tty_kept *k) {
  for (const tty_kept *other = tty_all; other != NULL && k->terminal != 0; other = other->next) {
    if (other->terminal != k->terminal) continue;
    k->first = other->first;
    return 0;
  }
  int r;
  do r = tcgetattr(k->fd, &k->first);
  while (r != 0 && errno == EINTR);
  return r == 0 ? 0 : uv_translate_sys_error(errno);
}

static int tty_restore(const tty_kept *k) {
  int r;
  do r = tcsetattr(k->fd, TCSANOW, &k->first);
  while (r != 0 && errno == EINTR);
  return r == 0 ? 0 : uv_translate_sys_error(errno);
}

static int tty_keep(uintptr_t handle) {
  weft_loop *loop = ((weft_handle *)handle)->loop;
  tty_kept *k = weft__calloc(loop, sizeof(*k));
  if (k == NULL) return UV_ENOMEM;
  k->handle = handle;
  k->fd = (int)weft__handle_fd(weft__uv(handle));
  k->terminal = tty_terminal(k->fd);
  int err = tty_first(k);
  if (err != 0) {
    weft__free(loop, k, sizeof(*k));
    return err;
  }
  k->next = tty_all;
  tty_all = k;
  return 0;
}

static void tty_forget(tty_kept **at) {
  tty_kept *k = *at;
  if (k == NULL) return;
  *at = k->next;
  weft__free(((weft_handle *)k->handle)->loop, k, sizeof(*k));
}

/* The mutex is held. */
static int tty_change(uintptr_t handle, int mode) {
  tty_kept **at = tty_find(handle);
  int known = *at != NULL;
  if (mode == UV_TTY_MODE_NORMAL) {
    int err = tty_set_mode(handle, mode);
    if (err == 0 && known) err = tty_restore(*at);
    if (err == 0) tty_forget(at);
    return err;
  }
  int err = known ? 0 : tty_keep(handle);
  if (err == 0 && known && (*at)->reset) err = tty_set_mode(handle, UV_TTY_MODE_NORMAL);
  if (err == 0 && known) (*at)->reset = 0;
  if (err == 0) err = tty_set_mode(handle, mode);
  if (err != 0 && !known) tty_forget(tty_find(handle));
  return err;
}

int weft_tty_set_mode(uintptr_t handle, int mode) {
  pthread_mutex_lock(&tty_mutex);
  int err = tty_change(handle, mode);
  pthread_mutex_unlock(&tty_mutex);
  return err;
}

/* While the descriptor is the terminal's. */
void weft__tty_close(uintptr_t handle) {
  pthread_mutex_lock(&tty_mutex);
  tty_kept **at = tty_find(handle);
  if (*at != NULL) tty_restore(*at);
  tty_forget(at);
  pthread_mutex_unlock(&tty_mutex);
}

/* The oldest comes last: of two handles of a terminal that pass for two it knows better. */
int weft_tty_reset_mode(void) {
  int err = 0;
  pthread_mutex_lock(&tty_mutex);
  for (tty_kept *k = tty_all; k != NULL; k = k->next) {
    int e = tty_restore(k);
    if (err == 0) err = e;
    k->reset = 1;
  }
  pthread_mutex_unlock(&tty_mutex);
  return err;
}

#endif

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
