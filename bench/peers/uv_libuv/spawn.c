// SPDX-License-Identifier: MIT
//
// spawn: children one after the other, whose output is read to its end.
#include "bench.h"

static uv_loop_t loop;
static uv_process_t child;
static uv_pipe_t out;
static long left;
static int open_handles;  // of the child that runs
static long output;       // bytes of its output

static void spawn_next(void);

static void on_close(uv_handle_t *handle) {
  (void)handle;
  if (--open_handles > 0) return;
  check(output == 6 ? 0 : UV_EPROTO, "output");
  if (--left > 0) {
    spawn_next();
  } else {
    end();
  }
}

static void on_end(uv_process_t *process, int64_t status, int signum) {
  check(status == 0 && signum == 0 ? 0 : UV_ECANCELED, "exit");
  uv_close((uv_handle_t *)process, on_close);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char buffer[64 * 1024];
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void)buf;
  if (n >= 0) {
    output += n;
    return;
  }
  if (n != UV_EOF) check((int)n, "read");
  uv_close((uv_handle_t *)stream, on_close);
}

static void spawn_next(void) {
  char *args[] = {"echo", "hello", NULL};
  uv_stdio_container_t stdio[2] = {{.flags = UV_IGNORE}, {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE}};
  uv_process_options_t options = {
      .file = "/bin/echo", .args = args, .stdio = stdio, .stdio_count = 2, .exit_cb = on_end};
  output = 0;
  open_handles = 2;
  check(uv_pipe_init(&loop, &out, 0), "pipe");
  stdio[1].data.stream = (uv_stream_t *)&out;
  check(uv_spawn(&loop, &child, &options), "spawn");
  check(uv_read_start((uv_stream_t *)&out, on_alloc, on_read), "read");
}

void spawn(long n, int width) {
  (void)width;
  left = n;
  check(uv_loop_init(&loop), "loop");
  begin();
  spawn_next();
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  finish(&loop);
}
