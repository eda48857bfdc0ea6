// SPDX-License-Identifier: MIT
//
// tcp_pound: clients connect, write two bytes, and connect anew once the server has closed the connection.
#include "net.h"

static uv_tcp_t listener;
static struct sockaddr_in addr;
static long left;      // connections to be made
static long unclosed;  // connections to be closed

static void pound(uv_loop_t *loop);

static void on_written(uv_write_t *req, int status) {
  (void)req;
  check(status, "write");
}

static void on_client_close(uv_handle_t *handle) {
  uv_loop_t *loop = handle->loop;
  free(handle);
  if (--unclosed == 0) {
    end();
    uv_close((uv_handle_t *)&listener, NULL);
  }
  pound(loop);
}

static void on_closed(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void)buf;
  if (n != UV_EOF) check(n < 0 ? (int)n : UV_EPROTO, "read");
  uv_close((uv_handle_t *)stream, on_client_close);
}

static void on_connect(uv_connect_t *req, int status) {
  check(status, "connect");
  net_write((struct conn *)req->handle, "QS", 2, on_written);
  net_read(req->handle, on_closed);
}

static void pound(uv_loop_t *loop) {
  if (left-- > 0) net_connect(loop, &addr, on_connect);
}

static void on_request(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void)buf;
  check(n == 2 ? 0 : UV_EPROTO, "request");
  net_close((struct conn *)stream);
}

static void on_connection(uv_stream_t *server, int status) {
  check(status, "connection");
  net_accept(server, on_request);
}

void tcp_pound(long n, int width) {
  uv_loop_t loop;
  left = unclosed = n;
  check(uv_loop_init(&loop), "loop");
  addr = net_listen(&loop, &listener, width, on_connection);
  begin();
  for (int i = 0; i < width; i++) pound(&loop);
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  finish(&loop);
}
