// SPDX-License-Identifier: MIT
//
// tcp_write_batch: all writes, of 13 bytes, are asked for at once. tcp_pump: each of the connections writes 8 KiB again
// and again.
#include "net.h"

static uv_tcp_t listener;
static long left;  // writes to come, or to be heard of
static long to_start;

static void on_connection(uv_stream_t *server, int status) {
  check(status, "connection");
  net_accept(server, net_discard);
}

static char batched[] = "Hello, world.";
static uv_write_t *writes;

static void on_batched(uv_write_t *req, int status) {
  check(status, "write");
  if (--left > 0) return;
  end();
  net_close((struct conn *)req->handle);
  uv_close((uv_handle_t *)&listener, NULL);
}

static void on_batch_connect(uv_connect_t *req, int status) {
  check(status, "connect");
  uv_buf_t buf = uv_buf_init(batched, sizeof(batched) - 1);
  begin();
  for (long i = 0; i < left; i++) check(uv_write(&writes[i], req->handle, &buf, 1, on_batched), "write");
}

void tcp_write_batch(long n, int width) {
  (void)width;
  uv_loop_t loop;
  left = n;
  writes = must(malloc((size_t)n * sizeof(*writes)));
  check(uv_loop_init(&loop), "loop");
  struct sockaddr_in addr = net_listen(&loop, &listener, 1, on_connection);
  net_connect(&loop, &addr, on_batch_connect);
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  finish(&loop);
  free(writes);
}

static char pumped[8192];
static int connecting;

static void on_pumped(uv_write_t *req, int status);

static void pump(struct conn *c) {
  if (to_start-- <= 0) {
    net_close(c);
    return;
  }
  uv_buf_t buf = uv_buf_init(pumped, sizeof(pumped));
  check(uv_write(&c->write, (uv_stream_t *)c, &buf, 1, on_pumped), "write");
}

static void on_pumped(uv_write_t *req, int status) {
  check(status, "write");
  if (--left == 0) {
    end();
    uv_close((uv_handle_t *)&listener, NULL);
  }
  pump((struct conn *)req->handle);
}

static struct conn *pumps[100];

static void on_pump_connect(uv_connect_t *req, int status) {
  check(status, "connect");
  pumps[--connecting] = (struct conn *)req->handle;
  if (connecting > 0) return;
  begin();
  for (size_t i = 0; i < sizeof(pumps) / sizeof(pumps[0]) && pumps[i] != NULL; i++) pump(pumps[i]);
}

void tcp_pump(long n, int width) {
  uv_loop_t loop;
  left = to_start = n;
  connecting = width;
  check(uv_loop_init(&loop), "loop");
  struct sockaddr_in addr = net_listen(&loop, &listener, width, on_connection);
  for (int i = 0; i < width; i++) net_connect(&loop, &addr, on_pump_connect);
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  finish(&loop);
}
