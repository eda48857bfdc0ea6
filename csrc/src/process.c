/* SPDX-License-Identifier: MIT */
#include "internal.h"

#ifdef _WIN32
#include <io.h>
#else
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

static uv_process_t *process_of(uintptr_t handle) { return (uv_process_t *)weft__uv(handle); }

static void process_on_exit(uv_process_t *process, int64_t status, int signum) {
  weft_handle *h = weft__of_handle(process);
  h->loop->children--;
  weft__record(h->loop, (weft_record){.token = h->token, .value = status, .aux = (int16_t)signum});
}

/* The strings stand one behind the other, each with its end. */
static const char *process_strings(const char *at, uint32_t n, char **list) {
  for (uint32_t i = 0; i < n; i++) {
    list[i] = (char *)at;
    at += strlen(at) + 1;
  }
  list[n] = NULL;
  return at;
}

#ifdef _WIN32

/* libuv wants a descriptor of its C library, which owns the HANDLE behind it: it gets a copy. */
static int process_fd_take(int64_t fd, uv_stdio_container_t *to) {
  HANDLE self = GetCurrentProcess(), copy;
  if (fd == (int64_t)(intptr_t)INVALID_HANDLE_VALUE) return UV_EBADF; /* which also means this process */
  if (!DuplicateHandle(self, (HANDLE)(intptr_t)fd, self, &copy, 0, FALSE, DUPLICATE_SAME_ACCESS)) return UV_EBADF;
  to->data.fd = uv_open_osfhandle(copy);
  if (to->data.fd >= 0) return 0;
  CloseHandle(copy);
  return UV_EMFILE;
}

static void process_fd_drop(const uv_stdio_container_t *to) { _close(to->data.fd); }

#else

static int process_fd_take(int64_t fd, uv_stdio_container_t *to) {
  if (fd < 0 || fd > INT_MAX || fcntl((int)fd, F_GETFD) < 0) return UV_EBADF;
  to->data.fd = (int)fd;
  return 0;
}

static void process_fd_drop(const uv_stdio_container_t *to) { (void)to; }

#endif

/* libuv finds these only half-way through, when children may run and handles are half made. */
static int process_stdio(const weft_stdio *from, uv_stdio_container_t *to) {
  uv_handle_t *uv = from->stream != 0 ? weft__uv(from->stream) : NULL;
  to->flags = (uv_stdio_flags)from->flags;
  if (from->flags & UV_CREATE_PIPE) {
    if (uv->type != UV_NAMED_PIPE) return UV_EINVAL;
    if (weft__handle_fd(uv) != -1) return UV_EISCONN;
    to->data.stream = (uv_stream_t *)uv;
  } else if (from->flags & UV_INHERIT_STREAM) {
    if (weft__handle_fd(uv) == -1) return UV_EBADF;
    to->data.stream = (uv_stream_t *)uv;
  } else if (from->flags & UV_INHERIT_FD) {
    return process_fd_take(from->fd, to);
  }
  return 0;
}

typedef struct {
  const uv_handle_t *wanted;
  int found;
} process_search;

static void process_on_handle(uv_handle_t *uv, void *arg) {
  process_search *search = arg;
  if (uv == search->wanted) search->found = 1;
}

/* Ends a handle whose uv_spawn has failed. After a failed exec it is live and must be closed; after an earlier failure
 * so it must up to libuv 1.51, while later ones (untested) have it taken out of the loop's list, from which closing it
 * would take it out once more. */
static void process_discard(weft_loop *loop, uintptr_t handle) {
  process_search search = {.wanted = weft__uv(handle)};
  uv_walk(loop->uv, process_on_handle, &search);
  if (search.found) {
    weft__handle_close(loop, &(weft_sub){.handle = handle, .op = WEFT_CLOSE});
  } else {
    weft__handle_drop(handle);
  }
}

static int process_spawn(weft_loop *loop, uv_process_options_t *options, uint64_t token, uintptr_t *handle) {
  int err = weft_guard_spawn();
  if (err != 0) return err;
  *handle = weft__handle_new(loop, UV_PROCESS, token);
  if (*handle == 0) return UV_ENOMEM;
  err = uv_spawn(loop->uv, process_of(*handle), options);
  if (err == 0) {
    loop->children++;
  } else {
    process_discard(loop, *handle);
  }
  return err;
}

static int process_with_strings(weft_loop *loop, const weft_spawn_options *o, const char *strings,
                                uv_process_options_t *options, uint64_t token, uintptr_t *handle) {
  char **lists = calloc((size_t)o->nargs + o->nenv + 2, sizeof(*lists));
  if (lists == NULL) return UV_ENOMEM;
  const char *dir = strings + strlen(strings) + 1;
  options->file = strings;
  options->cwd = *dir != 0 ? dir : NULL;
  options->args = lists;
  options->env = lists + o->nargs + 1;
  process_strings(process_strings(dir + strlen(dir) + 1, o->nargs, options->args), o->nenv, options->env);
  int err = process_spawn(loop, options, token, handle); /* libuv has copied what it needs */
  free(lists);
  return err;
}

int weft_spawn(uintptr_t loop, const weft_spawn_options *o, const char *strings, const weft_stdio *stdio,
               uint64_t token, uintptr_t *handle) {
  uv_stdio_container_t containers[WEFT_STDIO_MOST];
  uv_process_options_t options = {.exit_cb = process_on_exit, .flags = o->flags, .stdio = containers};
  int err = weft__process_flags(&options.flags);
  if (err == 0 && o->nstdio > WEFT_STDIO_MOST) err = UV_EINVAL;
  options.uid = (uv_uid_t)o->uid;
  options.gid = (uv_gid_t)o->gid;
  for (uint32_t i = 0; err == 0 && i < o->nstdio; i++) {
    err = process_stdio(&stdio[i], &containers[i]);
    if (err == 0) options.stdio_count++;
  }
  if (err == 0) err = process_with_strings(weft__loop(loop), o, strings, &options, token, handle);
  for (int i = 0; i < options.stdio_count; i++) {
    if (containers[i].flags & UV_INHERIT_FD) process_fd_drop(&containers[i]);
  }
  return err;
}

int weft_process_pid(uintptr_t handle) { return uv_process_get_pid(process_of(handle)); }

/* Once libuv has waited for it, the number may be another's. */
int weft_process_kill(uintptr_t handle, int signum) {
  if (!uv_is_active(weft__uv(handle))) return UV_ESRCH;
  return uv_process_kill(process_of(handle), signum);
}

int weft_kill(int pid, int signum) { return uv_kill(pid, signum); }

void weft_disable_stdio_inheritance(void) { uv_disable_stdio_inheritance(); }

/* The child that libuv still waits for; 0: none. */
int weft__process_left(const uv_process_t *process) {
  return uv_is_active((const uv_handle_t *)process) ? uv_process_get_pid(process) : 0;
}

#ifdef _WIN32

void weft__process_check(weft_loop *loop) { (void)loop; }

#else

static void process_on_child(uv_handle_t *uv, void *ended) {
  if (uv->type != UV_PROCESS || !uv_is_active(uv)) return;
  siginfo_t info = {.si_pid = 0};
  id_t pid = (id_t)uv_process_get_pid((uv_process_t *)uv);
  if (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0) *(int *)ended = 1;
}

/* libuv's handler tells a loop of a signal through a pipe, and says nothing when that is full, as it is after some
 * thousand signals of any kind that a loop was too busy for. Children whose end was among them would be waited for
 * until another one ends. So, when SIGCHLD has come and the loop has read its pipe, a child that has ended and is still
 * waited for has the signal sent again: once more than was needed, at times, which signals always may be. */
void weft__process_check(weft_loop *loop) {
  uint32_t ends = weft__guard_ends();
  if (loop->children == 0 || ends == loop->ends) return;
  loop->ends = ends;
  int ended = 0;
  uv_walk(loop->uv, process_on_child, &ended);
  if (ended) kill(getpid(), SIGCHLD);
}

#endif
