// SPDX-License-Identifier: MIT
//
// The echo server that the others are measured against: plain libuv, one buffer for all reads of a loop, and a write
// that only becomes a request when the socket does not take all of it at once.
//
//   echo_libuv [LOOPS [WORK]]
//
// Prints the port of each loop, which runs on a thread of its own. WORK is how often each message is hashed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

struct server {
  uv_loop_t loop;
  uv_tcp_t listener;
  char buffer[64 * 1024];
};

// rest is what a socket did not take at once.
struct rest {
  uv_write_t req;
  char bytes[];
};

static int work;
static volatile uint64_t hashes;  // so that the compiler does not leave the work out

static void check(int status, const char *what) {
  if (status >= 0) return;
  fprintf(stderr, "echo_libuv: %s: %s\n", what, uv_strerror(status));
  exit(1);
}

// hash is FNV-1a, n times over.
static uint64_t hash(const char *bytes, size_t len, int n) {
  uint64_t h = 14695981039346656037u;
  for (; n > 0; n--) {
    for (size_t i = 0; i < len; i++) h = (h ^ (uint8_t)bytes[i]) * 1099511628211u;
  }
  return h;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  struct server *s = handle->loop->data;
  (void)suggested;
  *buf = uv_buf_init(s->buffer, sizeof(s->buffer));
}

static void on_close(uv_handle_t *handle) { free(handle); }

static void on_write(uv_write_t *req, int status) {
  if (status < 0 && !uv_is_closing((uv_handle_t *)req->handle)) uv_close((uv_handle_t *)req->handle, on_close);
  free(req);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  if (n == 0) return;
  if (n < 0) {
    uv_close((uv_handle_t *)stream, on_close);
    return;
  }
  if (work > 0) hashes = hash(buf->base, (size_t)n, work);
  uv_buf_t out = uv_buf_init(buf->base, (unsigned)n);
  int sent = uv_try_write(stream, &out, 1);
  if (sent == n) return;
  if (sent < 0) sent = 0;  // not now, or the write that follows will say why not
  struct rest *r = malloc(sizeof(*r) + (size_t)(n - sent));
  if (r == NULL) abort();
  memcpy(r->bytes, buf->base + sent, (size_t)(n - sent));
  out = uv_buf_init(r->bytes, (unsigned)(n - sent));
  check(uv_write(&r->req, stream, &out, 1, on_write), "write");
}

static void on_connection(uv_stream_t *listener, int status) {
  check(status, "accept");
  uv_tcp_t *conn = malloc(sizeof(*conn));
  if (conn == NULL) abort();
  check(uv_tcp_init(listener->loop, conn), "init");
  check(uv_accept(listener, (uv_stream_t *)conn), "accept");
  uv_tcp_nodelay(conn, 1);
  check(uv_read_start((uv_stream_t *)conn, on_alloc, on_read), "read");
}

static int listen_on(struct server *s) {
  struct sockaddr_in addr;
  int len = sizeof(addr);
  check(uv_loop_init(&s->loop), "loop");
  s->loop.data = s;
  check(uv_tcp_init(&s->loop, &s->listener), "init");
  check(uv_ip4_addr("127.0.0.1", 0, &addr), "address");
  check(uv_tcp_bind(&s->listener, (struct sockaddr *)&addr, 0), "bind");
  check(uv_listen((uv_stream_t *)&s->listener, 4096, on_connection), "listen");
  check(uv_tcp_getsockname(&s->listener, (struct sockaddr *)&addr, &len), "name");
  return ntohs(addr.sin_port);
}

static void run(void *arg) {
  struct server *s = arg;
  uv_run(&s->loop, UV_RUN_DEFAULT);
}

int main(int argc, char **argv) {
  if (strcmp(argv[argc - 1], "--version") == 0) {
    printf("libuv %s\n", uv_version_string());
    return 0;
  }
  int loops = argc > 1 ? atoi(argv[1]) : 1;
  work = argc > 2 ? atoi(argv[2]) : 0;
  struct server *servers = calloc((size_t)loops, sizeof(*servers));
  uv_thread_t thread;
  if (servers == NULL) abort();
  for (int i = 0; i < loops; i++) printf(i == 0 ? "%d" : ",%d", listen_on(&servers[i]));
  printf("\n");
  fflush(stdout);
  for (int i = 1; i < loops; i++) check(uv_thread_create(&thread, run, &servers[i]), "thread");
  run(&servers[0]);
  return 0;
}
