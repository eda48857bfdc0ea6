/* SPDX-License-Identifier: MIT
 *
 * UDP over loopback: what libuv says of datagrams and what becomes of it, recvmmsg's buffer, a turn's memory, sends
 * that wait. */
#include "test.h"

#ifndef _WIN32
#include <sys/socket.h>
#include <unistd.h>
#endif

enum { T_SEND = 1, T_FIRST = 100 /* the receivers */ };

static weft_addr loopback(void) {
  weft_addr a = {.family = WEFT_IPV4};
  memcpy(a.ip, "\x7f\0\0\1", 4);
  return a;
}

static uintptr_t bound(uintptr_t loop, int recvmmsg, weft_addr *at) {
  uintptr_t udp;
  *at = loopback();
  CHECK(weft_udp_new(loop, WEFT_IPV4, recvmmsg, &udp) == 0);
  CHECK(weft_udp_bind(udp, at, 0) == 0);
  CHECK(weft_udp_sockname(udp, at) == 0 && at->port != 0);
  return udp;
}

/* Puts a datagram into the arena, as package uv does. */
static uint64_t keep(uintptr_t loop, const weft_addr *to, const void *data, uint64_t len) {
  weft_shared *s = weft_loop_shared(loop);
  uint64_t at = (s->arena_used + 7) & ~(uint64_t)7, end = at + sizeof(weft_datagram) + len;
  if (end > s->arena_cap) CHECK(weft_arena_grow(loop, end - s->arena_used) == 0);
  weft_datagram *d = (weft_datagram *)(s->arena + at);
  memset(d, 0, sizeof(*d));
  if (to != NULL) d->to = *to;
  d->len = len;
  if (len > 0) memcpy(d + 1, data, len);
  s->arena_used = end;
  return at;
}

static void send_to(uintptr_t loop, uintptr_t udp, const weft_addr *to, const void *data, uint64_t len,
                    uint64_t token) {
  uint64_t at = keep(loop, to, data, len);
  test_submit(loop, (weft_sub){.handle = udp, .op = WEFT_UDP_SEND, .token = token, .data = (uintptr_t)at});
}

/* Sends now; nothing else is in the arena. */
static void send_now(uintptr_t loop, uintptr_t udp, const weft_addr *to, const void *data, uint64_t len) {
  uint64_t at = keep(loop, to, data, len);
  CHECK(weft_udp_try_send(udp, at, 1) == 1);
  weft_loop_shared(loop)->arena_used = 0;
}

static int is_datagram(const weft_record *r, const weft_addr *from, const char *data) {
  const weft_addr *a = r->data;
  return r->kind == WEFT_FROM && r->status == 0 && (size_t)r->value == strlen(data) &&
         memcmp(a + 1, data, strlen(data)) == 0 && memcmp(a, from, sizeof(*a)) == 0;
}

/* Nothing of any kind happens. */
static void quiet(uintptr_t loop) {
  weft_shared *s = weft_loop_shared(loop);
  for (int i = 0; i < 3; i++) {
    weft_turn(loop, UV_RUN_NOWAIT);
    CHECK(s->count == s->drained);
  }
}

/* Bytes, no bytes, nothing, an error. */
static void each_case_is_what_it_is(int recvmmsg) {
  uintptr_t loop = test_loop();
  weft_addr at, from, nobody;
  uintptr_t ends[3] = {bound(loop, recvmmsg, &at), bound(loop, 0, &from), bound(loop, recvmmsg, &nobody)};
  CHECK(weft_udp_recv_start(ends[0], T_FIRST) == 0);
  CHECK(weft_udp_recv_start(ends[0], T_FIRST + 1) == UV_EALREADY);
  quiet(loop);
  send_to(loop, ends[1], &at, "ping", 4, T_SEND);
  send_to(loop, ends[1], &at, NULL, 0, T_SEND);
  send_to(loop, ends[1], &at, "pong", 4, 0);
  for (int sent = 0, received = 0; sent < 2 || received < 3;) {
    weft_record r = test_next(loop);
    if (r.token == T_SEND) {
      CHECK(r.status == 0 && r.value == (sent == 0 ? 4 : 0));
      sent++;
    } else {
      static const char *const texts[] = {"ping", "", "pong"};
      CHECK(r.token == T_FIRST && is_datagram(&r, &from, texts[received]));
      received++;
    }
  }
  quiet(loop);

#ifdef __linux__
  CHECK(weft_udp_connect(ends[0], &nobody) == 0);
  uintptr_t gone = ends[2];
  test_submit(loop, (weft_sub){.handle = gone, .op = WEFT_CLOSE, .token = 5});
  CHECK(test_next(loop).token == 5);
  send_now(loop, ends[0], NULL, "x", 1);
  weft_record r = test_next(loop);
  CHECK(r.token == T_FIRST && r.status == UV_ECONNREFUSED && r.value == 0);
  CHECK(((weft_addr *)r.data)->family == 0);
  quiet(loop);
  ends[2] = bound(loop, 0, &nobody);
#endif
  test_end(loop, ends, 3);
}

/* More than one buffer's worth of chunks, from a buffer that more than one socket uses. */
static void chunks_are_copied(void) {
  enum { EACH = 50 };
  uintptr_t loop = test_loop();
  weft_addr at[2], from;
  uintptr_t ends[3] = {bound(loop, 1, &at[0]), bound(loop, 1, &at[1]), bound(loop, 0, &from)};
  for (int i = 0; i < 2 * EACH; i++) {
    char text[16];
    snprintf(text, sizeof(text), "%d", i / 2);
    send_now(loop, ends[2], &at[i % 2], text, strlen(text));
  }
  for (int i = 0; i < 2; i++) CHECK(weft_udp_recv_start(ends[i], T_FIRST + (uint64_t)i) == 0);
  weft_shared *s = weft_loop_shared(loop);
  int received[2] = {0};
  while (received[0] + received[1] < 2 * EACH) {
    /* All of a turn's records at once: what they point to must not change under later ones. */
    weft_turn(loop, UV_RUN_ONCE);
    for (; s->drained < s->count; s->drained++) {
      const weft_record *r = &s->records[s->drained];
      char text[16];
      int *n = &received[r->token - T_FIRST];
      snprintf(text, sizeof(text), "%d", (*n)++);
      CHECK(is_datagram(r, &from, text));
    }
  }
  quiet(loop);
  test_end(loop, ends, 3);
}

/* Stopped and closed with datagrams left: the buffer is the loop's, and is freed with it. */
static void stopping_loses_no_memory(void) {
  uintptr_t loop = test_loop();
  weft_addr at, from;
  uintptr_t ends[2] = {bound(loop, 1, &at), bound(loop, 0, &from)};
  for (int i = 0; i < 40; i++) send_now(loop, ends[1], &at, "x", 1);
  CHECK(weft_udp_recv_start(ends[0], T_FIRST) == 0);
  CHECK(test_next(loop).token == T_FIRST);
  CHECK(weft_udp_recv_stop(ends[0]) == 0);
  CHECK(weft_udp_recv_stop(ends[0]) == 0);
  weft_turn(loop, UV_RUN_NOWAIT); /* on Windows libuv counts wrong otherwise */
  CHECK(weft_udp_recv_start(ends[0], T_FIRST) == 0);
  test_end(loop, ends, 2);
}

/* A turn takes what its memory holds at worst, and the next one goes on with those that got nothing. */
static void memory_is_bounded(int recvmmsg) {
  enum { SOCKETS = 40, EACH = 3, SIZE = 60000, MOST = 20 /* slabs, one for each */ };
  static char data[SIZE];
  uintptr_t loop = test_loop();
  weft_shared *s = weft_loop_shared(loop);
  weft_addr at, from;
  uintptr_t ends[SOCKETS + 1];
  ends[SOCKETS] = bound(loop, 0, &from);
  for (int i = 0; i < SOCKETS; i++) {
    ends[i] = bound(loop, recvmmsg, &at);
    memset(data, i, SIZE);
    for (int j = 0; j < EACH; j++) send_now(loop, ends[SOCKETS], &at, data, SIZE);
    CHECK(weft_udp_recv_start(ends[i], T_FIRST + (uint64_t)i) == 0);
  }
  int64_t before = s->bytes;
  int received = 0, turns = 0, last[SOCKETS] = {0}, unread = SOCKETS;
  for (; received < EACH * SOCKETS; turns++) {
    weft_turn(loop, UV_RUN_ONCE);
    CHECK(s->count <= MOST && s->bytes - before < 3 << 20);
    for (; s->drained < s->count; s->drained++, received++) {
      const weft_record *r = &s->records[s->drained];
      CHECK(r->status == 0 && r->value == SIZE && (r->aux & UV_UDP_PARTIAL) == 0);
      int *turn = &last[r->token - T_FIRST];
      unread -= *turn == 0;
      CHECK(*turn == 0 || *turn == turns + 1 || unread == 0);
      *turn = turns + 1;
      memset(data, (int)(r->token - T_FIRST), SIZE);
      CHECK(memcmp((weft_addr *)r->data + 1, data, SIZE) == 0);
    }
  }
  CHECK(turns >= 3);
  test_end(loop, ends, SOCKETS + 1);
}

#ifndef _WIN32
/* Large datagrams without end leave a stream its part of the turn. */
static void streams_are_read_beside_datagrams(void) {
  enum { SOCKETS = 10, EACH = 3, SIZE = 60000 };
  static char data[SIZE];
  uintptr_t loop = test_loop();
  weft_shared *s = weft_loop_shared(loop);
  weft_addr at, from;
  uintptr_t ends[SOCKETS + 2], fds[2];
  ends[SOCKETS] = bound(loop, 0, &from);
  for (int i = 0; i < SOCKETS; i++) {
    ends[i] = bound(loop, 0, &at);
    for (int j = 0; j < EACH; j++) send_now(loop, ends[SOCKETS], &at, data, SIZE);
    CHECK(weft_udp_recv_start(ends[i], T_FIRST) == 0);
  }
  CHECK(weft_pipe_pair(UV_NONBLOCK_PIPE, 0, fds) == 0);
  CHECK(write((int)fds[1], "word", 4) == 4);
  CHECK(weft_pipe_new(loop, 0, &ends[SOCKETS + 1]) == 0);
  CHECK(weft_pipe_open(ends[SOCKETS + 1], fds[0]) == 0);
  test_submit(loop, (weft_sub){.handle = ends[SOCKETS + 1], .op = WEFT_READ_START, .token = T_FIRST + 1});
  weft_turn(loop, UV_RUN_ONCE);
  int words = 0;
  for (; s->drained < s->count; s->drained++) words += s->records[s->drained].token == T_FIRST + 1;
  CHECK(words == 1);
  close((int)fds[1]);
  test_end(loop, ends, SOCKETS + 2);
}

/* The system takes few datagrams of a Unix socket that nobody reads; the others wait, and are cancelled once each. */
static void close_cancels_sends(void) {
  enum { SENDS = 1000 };
  uintptr_t loop = test_loop();
  weft_shared *s = weft_loop_shared(loop);
  int fds[2];
  uintptr_t ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds) == 0);
  for (int i = 0; i < 2; i++) {
    CHECK(weft_udp_new(loop, 0, 0, &ends[i]) == 0);
    CHECK(weft_udp_open(ends[i], (uintptr_t)fds[i]) == 0);
  }
  for (int i = 0; i < SENDS; i++) send_to(loop, ends[0], NULL, "x", 1, T_FIRST + (uint64_t)i);
  weft_loop_submit(loop);
  uint64_t waiting = weft_udp_queue_count(ends[0]);
  CHECK(waiting > 0 && weft_udp_queue_size(ends[0]) == waiting && (uint64_t)s->requests == waiting);
  uint64_t at = keep(loop, NULL, "x", 1);
  CHECK(weft_udp_try_send(ends[0], at, 1) == UV_EAGAIN);
  s->arena_used = 0;
  test_submit(loop, (weft_sub){.handle = ends[0], .op = WEFT_CLOSE, .token = 5});
  for (uint64_t i = 0; i < SENDS; i++) {
    weft_record r = test_next(loop);
    CHECK(r.token == T_FIRST + i && r.value == 1);
    CHECK(r.status == (i < SENDS - waiting ? 0 : UV_ECANCELED));
  }
  CHECK(test_next(loop).token == 5);
  test_end(loop, &ends[1], 1);
}
#endif

int main(void) {
  for (int recvmmsg = 0; recvmmsg < 2; recvmmsg++) {
    each_case_is_what_it_is(recvmmsg);
    memory_is_bounded(recvmmsg);
  }
  chunks_are_copied();
  stopping_loses_no_memory();
#ifndef _WIN32
  streams_are_read_beside_datagrams();
  close_cancels_sends();
#endif
  return 0;
}
