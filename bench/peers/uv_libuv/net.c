// SPDX-License-Identifier: MIT
#include "net.h"

#include <string.h>

struct sockaddr_in net_listen(uv_loop_t *loop, uv_tcp_t *listener, int backlog, uv_connection_cb cb) {
  struct sockaddr_in addr = loopback(0);
  int len = sizeof(addr);
  check(uv_tcp_init(loop, listener), "tcp");
  check(uv_tcp_bind(listener, (struct sockaddr *)&addr, 0), "bind");
  check(uv_listen((uv_stream_t *)listener, backlog, cb), "listen");
  check(uv_tcp_getsockname(listener, (struct sockaddr *)&addr, &len), "sockname");
  return addr;
}

static struct conn *conn_new(uv_loop_t *loop) {
  struct conn *c = must(malloc(sizeof(*c)));
  check(uv_tcp_init(loop, &c->tcp), "tcp");
  return c;
}

struct conn *net_accept(uv_stream_t *listener, uv_read_cb cb) {
  struct conn *c = conn_new(listener->loop);
  check(uv_accept(listener, (uv_stream_t *)c), "accept");
  net_read((uv_stream_t *)c, cb);
  return c;
}

struct conn *net_connect(uv_loop_t *loop, const struct sockaddr_in *to, uv_connect_cb cb) {
  struct conn *c = conn_new(loop);
  check(uv_tcp_connect(&c->connecting, &c->tcp, (const struct sockaddr *)to, cb), "connect");
  return c;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char buffer[64 * 1024];
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(buffer, sizeof(buffer));
}

void net_read(uv_stream_t *stream, uv_read_cb cb) { check(uv_read_start(stream, on_alloc, cb), "read"); }

void net_write(struct conn *c, const char *bytes, size_t len, uv_write_cb cb) {
  if (len > sizeof(c->bytes)) check(UV_EMSGSIZE, "write");
  memcpy(c->bytes, bytes, len);
  uv_buf_t buf = uv_buf_init(c->bytes, (unsigned)len);
  check(uv_write(&c->write, (uv_stream_t *)c, &buf, 1, cb), "write");
}

static void on_close(uv_handle_t *handle) { free(handle); }

void net_close(struct conn *c) { uv_close((uv_handle_t *)c, on_close); }

void net_discard(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void)buf;
  if (n >= 0) return;
  if (n != UV_EOF) check((int)n, "read");
  net_close((struct conn *)stream);
}
