// SPDX-License-Identifier: MIT
//
// What the cases over TCP share. Both ends of every connection are on one loop, so that there is no other process to
// wait for.
#ifndef NET_H
#define NET_H

#include "bench.h"

// conn is one end of a connection, with the one write that it has under way.
struct conn {
  uv_tcp_t tcp;  // first: a handle is its conn
  uv_connect_t connecting;
  uv_write_t write;
  char bytes[64];  // of that write
};

// net_listen starts to listen, and returns the address.
struct sockaddr_in net_listen(uv_loop_t *loop, uv_tcp_t *listener, int backlog, uv_connection_cb cb);

// net_accept makes a conn of the connection that a listener was told of, and reads it.
struct conn *net_accept(uv_stream_t *listener, uv_read_cb cb);

// net_connect makes a conn that connects.
struct conn *net_connect(uv_loop_t *loop, const struct sockaddr_in *to, uv_connect_cb cb);

// net_read reads a connection. All of them share one buffer: nothing is kept of what was read.
void net_read(uv_stream_t *stream, uv_read_cb cb);

// net_write writes bytes of a conn that has no write under way.
void net_write(struct conn *c, const char *bytes, size_t len, uv_write_cb cb);

// net_close closes a conn and frees it.
void net_close(struct conn *c);

// net_discard reads a connection until it ends.
void net_discard(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

#endif
