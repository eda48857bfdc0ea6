// SPDX-License-Identifier: MIT
//
// udp_pummel: senders, each of which sends the next datagram to its receiver when it has heard of the last one. None
// gets lost: few are under way.
#include <string.h>

#include "bench.h"

enum { MOST = 16, BUFS = 5 };

// A datagram has 45 bytes, in five buffers.
static char text[BUFS][16] = {"a datagram", " that is ", "sent from ", "five buf", "fers now"};

struct sender {
  uv_udp_t udp;
  uv_udp_send_t req;
  struct sockaddr_in to;
};

static struct sender senders[MOST];
static uv_udp_t receivers[MOST];
static int pairs;
static long to_send, unsent, unreceived;

static void on_sent(uv_udp_send_t *req, int status);

static void send_next(struct sender *s) {
  uv_buf_t bufs[BUFS];
  for (int i = 0; i < BUFS; i++) bufs[i] = uv_buf_init(text[i], (unsigned)strlen(text[i]));
  to_send--;
  check(uv_udp_send(&s->req, &s->udp, bufs, BUFS, (struct sockaddr *)&s->to, on_sent), "send");
}

static void stop_at_the_end(void) {
  if (unsent > 0 || unreceived > 0) return;
  end();
  for (int i = 0; i < pairs; i++) {
    uv_close((uv_handle_t *)&senders[i].udp, NULL);
    uv_close((uv_handle_t *)&receivers[i], NULL);
  }
}

static void on_sent(uv_udp_send_t *req, int status) {
  check(status, "send");
  unsent--;
  if (to_send > 0) send_next((struct sender *)req->handle);
  stop_at_the_end();
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  static char buffer[64 * 1024];
  (void)handle;
  (void)suggested;
  *buf = uv_buf_init(buffer, sizeof(buffer));
}

static void on_recv(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags) {
  (void)udp;
  (void)buf;
  (void)flags;
  check((int)n, "receive");
  if (from == NULL) return;
  check(n == 45 ? 0 : UV_EPROTO, "receive");
  unreceived--;
  stop_at_the_end();
}

void udp_pummel(long n, int width) {
  uv_loop_t loop;
  pairs = width;
  to_send = unsent = unreceived = n;
  check(uv_loop_init(&loop), "loop");
  for (int i = 0; i < width; i++) {
    struct sender *s = &senders[i];
    int len = sizeof(s->to);
    s->to = loopback(0);
    check(uv_udp_init(&loop, &receivers[i]), "udp");
    check(uv_udp_bind(&receivers[i], (struct sockaddr *)&s->to, 0), "bind");
    check(uv_udp_getsockname(&receivers[i], (struct sockaddr *)&s->to, &len), "sockname");
    check(uv_udp_recv_start(&receivers[i], on_alloc, on_recv), "receive");
    check(uv_udp_init(&loop, &s->udp), "udp");
  }
  begin();
  for (int i = 0; i < width; i++) send_next(&senders[i]);
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  finish(&loop);
}
