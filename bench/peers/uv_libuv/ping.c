// SPDX-License-Identifier: MIT
//
// ping_pongs: five bytes go to a server and come back, over one connection.
#include <string.h>

#include "net.h"

static const char ping[] = "PING\n";
enum { PING = sizeof(ping) - 1 };

static uv_tcp_t listener;
static long left;
static long got;  // bytes of the pong that is under way

static void on_written(uv_write_t *req, int status) {
  (void)req;
  check(status, "write");
}

static void on_echo(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  if (n < 0) {
    net_discard(stream, n, buf);
  } else if (n > 0) {
    net_write((struct conn *)stream, buf->base, (size_t)n, on_written);
  }
}

static void on_connection(uv_stream_t *server, int status) {
  check(status, "connection");
  net_accept(server, on_echo);
}

static void on_pong(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  check((int)n, "pong");
  for (ssize_t i = 0; i < n; i++) check(buf->base[i] == ping[got++ % PING] ? 0 : UV_EPROTO, "pong");
  if (got < PING) return;
  got = 0;
  if (--left > 0) {
    net_write((struct conn *)stream, ping, PING, on_written);
    return;
  }
  end();
  net_close((struct conn *)stream);
  uv_close((uv_handle_t *)&listener, NULL);
}

static void on_connect(uv_connect_t *req, int status) {
  check(status, "connect");
  net_read(req->handle, on_pong);
  begin();
  net_write((struct conn *)req->handle, ping, PING, on_written);
}

void ping_pongs(long n, int width) {
  (void)width;
  uv_loop_t loop;
  left = n;
  check(uv_loop_init(&loop), "loop");
  struct sockaddr_in addr = net_listen(&loop, &listener, 1, on_connection);
  net_connect(&loop, &addr, on_connect);
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  finish(&loop);
}
