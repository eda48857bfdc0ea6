/* SPDX-License-Identifier: MIT
 *
 * A plain libuv program: a loop, a timer that counts, and a TCP server that tells the count to each line it gets. It
 * has Go serve echoes on the same loop, and thread, until a client says "quit". Then it detaches: what is Go's is
 * closed by Go, what is the program's by the program, uv_run returns by itself, and uv_loop_close returns 0.
 *
 *   ./build NAME   makes the program NAME, which loads the Go half as a shared library, and NAME-archive, in which that
 *                  is linked */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft.h>

#include "libecho.h"

typedef struct {
  uv_tcp_t tcp;
  uv_write_t write;
  char text[64];
} client;

static uv_loop_t loop;
static uv_timer_t timer;
static uv_tcp_t listener;
static weft_loop *go;
static unsigned ticks;

static void must(int err, const char *what) {
  if (err == 0) return;
  fprintf(stderr, "host: %s: %s\n", what, weft_strerror(err));
  exit(1);
}

static void on_tick(uv_timer_t *handle) {
  (void)handle;
  ticks++;
}

/* In the last of Go's close callbacks. left names what Go could not end: nothing, here. */
static void on_detached(void *arg, const char *left) {
  (void)arg;
  if (left != NULL) fprintf(stderr, "host: %s\n", left);
  printf("detached\n");
}

/* Ends the program, without a word to the loop: nothing is left to keep it. */
static void quit(void) {
  printf("Go has served %d\n", EchoServed(&loop));
  must(weft_detach(go, on_detached, NULL), "detach");
  uv_close((uv_handle_t *)&timer, NULL);
  uv_close((uv_handle_t *)&listener, NULL);
}

static void on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
  (void)size;
  client *c = (client *)handle;
  *buf = uv_buf_init(c->text, sizeof(c->text) - 1);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  client *c = (client *)stream;
  (void)buf;
  if (n == 0) return;
  if (n < 0 || strncmp(c->text, "quit", 4) == 0) {
    uv_close((uv_handle_t *)stream, (uv_close_cb)free);
    if (n > 0) quit();
    return;
  }
  uv_buf_t answer = uv_buf_init(c->text, (unsigned)snprintf(c->text, sizeof(c->text), "%u\n", ticks));
  must(uv_write(&c->write, stream, &answer, 1, NULL), "write"); /* a client waits for the answer before it asks again */
}

static void on_connection(uv_stream_t *server, int status) {
  must(status, "connection");
  client *c = malloc(sizeof(*c));
  if (c == NULL) abort();
  must(uv_tcp_init(&loop, &c->tcp), "tcp");
  must(uv_accept(server, (uv_stream_t *)&c->tcp), "accept");
  must(uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read), "read");
}

static int listen_on_some_port(void) {
  struct sockaddr_in addr;
  int len = sizeof(addr);
  must(uv_ip4_addr("127.0.0.1", 0, &addr), "address");
  must(uv_tcp_init(&loop, &listener), "tcp");
  must(uv_tcp_bind(&listener, (const struct sockaddr *)&addr, 0), "bind");
  must(uv_listen((uv_stream_t *)&listener, 16, on_connection), "listen");
  must(uv_tcp_getsockname(&listener, (struct sockaddr *)&addr, &len), "name");
  return ntohs(addr.sin_port);
}

/* The promise that Go gave has settled. */
static void on_echo(void *arg, int status, int64_t port, const void *data) {
  (void)arg;
  if (status < 0) fprintf(stderr, "host: %s\n", (const char *)data);
  must(status, "echo server");
  printf("host on %d, Go on %d\n", listen_on_some_port(), (int)port);
  fflush(stdout);
}

int main(void) {
  must(uv_loop_init(&loop), "loop");
  must(uv_timer_init(&loop, &timer), "timer");
  must(uv_timer_start(&timer, on_tick, 1, 1), "timer");
  must(weft_adopt(&loop, &go), "adopt");
  must(weft_await(EchoServe(&loop), on_echo, NULL), "await");
  uv_run(&loop, UV_RUN_DEFAULT);
  must(uv_loop_close(&loop), "loop close");
  printf("closed\n");
  return 0;
}
