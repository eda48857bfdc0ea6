/* SPDX-License-Identifier: MIT
 *
 * TCP over loopback, both ends on one loop: echo, batched and partial writes, close with requests pending, lookups. */
#include "test.h"

enum { T_LISTENER = 100, T_CONNECT, T_READER, T_WRITE, T_SHUTDOWN, T_LOOKUP };

typedef struct {
  uintptr_t loop;
  uintptr_t handles[3]; /* listener, client, accepted */
} pair;

static weft_addr loopback(int family) {
  weft_addr a = {.family = (uint8_t)family};
  if (family == WEFT_IPV4) {
    memcpy(a.ip, "\x7f\0\0\1", 4);
  } else {
    a.ip[15] = 1;
  }
  return a;
}

/* One more connection to the listener: both ends of it. */
static void connects(uintptr_t loop, uintptr_t listener, const weft_addr *a, uintptr_t ends[2]) {
  CHECK(weft_tcp_new(loop, &ends[0]) == 0);
  CHECK(weft_tcp_connect(ends[0], a, T_CONNECT) == 0);
  int seen = 0;
  while (seen != 3) {
    weft_record r = test_next(loop);
    CHECK(r.status == 0);
    if (r.token == T_CONNECT) seen |= 1;
    if (r.token == T_LISTENER) {
      seen |= 2;
      ends[1] = (uintptr_t)r.value;
      weft_stream_taken(listener);
    }
  }
}

static uintptr_t listening(uintptr_t loop, weft_addr *a) {
  uintptr_t listener;
  int family = a->family;
  CHECK(weft_tcp_new(loop, &listener) == 0);
  CHECK(weft_tcp_bind(listener, a, 0) == 0);
  CHECK(weft_stream_listen(listener, 16, T_LISTENER) == 0);
  CHECK(weft_tcp_sockname(listener, a) == 0);
  CHECK(a->port != 0 && a->family == family);
  return listener;
}

static pair connected(int family) {
  pair p = {.loop = test_loop()};
  weft_addr a = loopback(family);
  p.handles[0] = listening(p.loop, &a);
  connects(p.loop, p.handles[0], &a, &p.handles[1]);
  return p;
}

static void write_to(pair *p, int from, const char *text, uint64_t token) {
  test_submit(
      p->loop,
      (weft_sub){
          .handle = p->handles[from], .op = WEFT_WRITE, .token = token, .data = (uintptr_t)text, .len = strlen(text)});
}

/* As package uv does it: the bytes lie in the arena until the turn. */
static void send_to(pair *p, int from, const void *data, uint64_t len, uint64_t token, int flags) {
  weft_shared *s = weft_loop_shared(p->loop);
  if (s->arena_cap - s->arena_used < len) CHECK(weft_arena_grow(p->loop, len) == 0);
  memcpy(s->arena + s->arena_used, data, len);
  test_submit(p->loop, (weft_sub){.handle = p->handles[from],
                                  .op = WEFT_SEND,
                                  .token = token,
                                  .data = (uintptr_t)s->arena_used,
                                  .len = len,
                                  .flags = flags});
  s->arena_used += len;
}

static void echoes(int family) {
  pair p = connected(family);
  weft_addr peer;
  CHECK(weft_tcp_nodelay(p.handles[1], 1) == 0);
  CHECK(weft_tcp_peername(p.handles[2], &peer) == 0 && peer.family == family);
  test_submit(p.loop, (weft_sub){.handle = p.handles[2], .op = WEFT_READ_START, .token = T_READER});
  write_to(&p, 1, "hello ", T_WRITE);
  write_to(&p, 1, "weft", T_WRITE);
  char got[16] = "";
  int written = 0;
  while (strlen(got) < 10 || written < 2) {
    weft_record r = test_next(p.loop);
    CHECK(r.status == 0);
    if (r.token == T_WRITE) written++;
    if (r.token == T_READER) strncat(got, r.data, (size_t)r.value);
  }
  CHECK(strcmp(got, "hello weft") == 0);
  test_submit(p.loop, (weft_sub){.handle = p.handles[1], .op = WEFT_SHUTDOWN, .token = T_SHUTDOWN});
  for (int seen = 0; seen != 3;) {
    weft_record r = test_next(p.loop);
    if (r.token == T_SHUTDOWN) seen |= 1;
    if (r.token == T_READER) {
      CHECK(r.status == UV_EOF);
      seen |= 2;
    }
  }
  test_end(p.loop, p.handles, 3);
}

/* More than the sockets hold: the rest goes to libuv, and comes back cancelled when the handle closes. */
static void close_cancels_pending_writes(void) {
  enum { CHUNK = 8 << 20 };
  pair p = connected(WEFT_IPV4);
  char *chunk = calloc(1, CHUNK);
  for (int i = 0; i < 3; i++) {
    test_submit(p.loop, (weft_sub){.handle = p.handles[1],
                                   .op = WEFT_WRITE,
                                   .token = T_WRITE + 10 + (uint64_t)i,
                                   .data = (uintptr_t)chunk,
                                   .len = CHUNK});
  }
  weft_turn(p.loop, UV_RUN_NOWAIT);
  CHECK(weft_loop_shared(p.loop)->requests == 3);
  CHECK(weft_stream_queue(p.handles[1]) > 0);
  test_submit(p.loop, (weft_sub){.handle = p.handles[1], .op = WEFT_CLOSE, .token = 5});
  for (int i = 0; i < 3; i++) {
    weft_record r = test_next(p.loop);
    CHECK(r.token == T_WRITE + 10 + (uint64_t)i && r.status == UV_ECANCELED);
  }
  CHECK(test_next(p.loop).token == 5);
  free(chunk);
  p.handles[1] = p.handles[2];
  test_end(p.loop, p.handles, 2);
}

/* Sends that leave at once are heard of only when they are loud. */
static void sends_are_quiet(void) {
  pair p = connected(WEFT_IPV4);
  weft_shared *s = weft_loop_shared(p.loop);
  send_to(&p, 1, "a quiet one, ", 13, T_WRITE, 0);
  send_to(&p, 1, "", 0, T_WRITE, 0);
  weft_turn(p.loop, UV_RUN_NOWAIT);
  CHECK(s->count == s->drained && s->arena_used == 0);
  send_to(&p, 1, "a loud one", 10, T_WRITE, WEFT_LOUD);
  send_to(&p, 1, "", 0, T_WRITE, WEFT_LOUD);
  weft_record r = test_next(p.loop);
  CHECK(r.token == T_WRITE && r.value == 10 && r.status == 0 && r.kind == WEFT_PLAIN);
  r = test_next(p.loop);
  CHECK(r.token == T_WRITE && r.value == 0 && r.status == 0);
  test_submit(p.loop, (weft_sub){.handle = p.handles[2], .op = WEFT_READ_START, .token = T_READER});
  r = test_next(p.loop);
  CHECK(r.value == 23 && memcmp(r.data, "a quiet one, a loud one", 23) == 0);
  test_end(p.loop, p.handles, 3);
}

/* What the system does not take at once is heard of twice; libuv has a copy, and the arena is given back. */
static void sends_that_have_to_wait_say_so(void) {
  enum { SIZE = 16 << 20 };
  pair p = connected(WEFT_IPV4);
  weft_shared *s = weft_loop_shared(p.loop);
  char *data = malloc(SIZE);
  for (int i = 0; i < SIZE; i++) data[i] = (char)(i * 31 >> 3);
  send_to(&p, 1, data, SIZE, T_WRITE, 0);
  send_to(&p, 1, data, 100, T_WRITE, 0);
  weft_record r = test_next(p.loop);
  CHECK(r.kind == WEFT_QUEUED && r.value > 0 && r.value < SIZE);
  int64_t left = r.value;
  r = test_next(p.loop);
  CHECK(r.kind == WEFT_QUEUED && r.value == 100);
  CHECK(s->arena_cap < SIZE && s->bytes < left + (1 << 20));
  test_submit(p.loop, (weft_sub){.handle = p.handles[2], .op = WEFT_READ_START, .token = T_READER});
  int64_t got = 0, written = 0;
  while (got < SIZE + 100 || written < left + 100) {
    r = test_next(p.loop);
    CHECK(r.status == 0);
    if (r.token == T_WRITE) {
      written += r.value;
      continue;
    }
    for (int64_t i = 0; i < r.value; i++, got++) CHECK(((char *)r.data)[i] == data[got < SIZE ? got : got - SIZE]);
  }
  CHECK(written == left + 100);
  free(data);
  test_end(p.loop, p.handles, 3);
}

/* Many peers send more than a turn reads: its memory is bounded, and all of it arrives. */
static void reads_of_a_turn_are_bounded(void) {
  enum { N = 24, SIZE = 1 << 20, MOST = (1 << 20) + (256 << 10) };
  uintptr_t loop = test_loop(), handles[1 + 2 * N];
  weft_addr a = loopback(WEFT_IPV4);
  handles[0] = listening(loop, &a);
  char *data = malloc(SIZE);
  int64_t got[N] = {0}, most = 0, all = 0;
  for (int i = 0; i < SIZE; i++) data[i] = (char)(i * 31 >> 3);
  for (int i = 0; i < N; i++) connects(loop, handles[0], &a, &handles[1 + 2 * i]);
  weft_shared *s = weft_loop_shared(loop);
  int64_t before = s->bytes;
  for (int i = 0; i < N; i++) {
    test_submit(
        loop,
        (weft_sub){
            .handle = handles[1 + 2 * i], .op = WEFT_WRITE, .token = T_WRITE, .data = (uintptr_t)data, .len = SIZE});
  }
  weft_turn(loop, UV_RUN_NOWAIT); /* the system's buffers are full before anybody reads */
  for (uint64_t i = 0; i < N; i++) {
    test_submit(loop, (weft_sub){.handle = handles[2 + 2 * i], .op = WEFT_READ_START, .token = 10 + i});
  }
  while (all < (int64_t)N * SIZE) {
    weft_record r = test_next(loop);
    if (s->bytes - before > most) most = s->bytes - before;
    CHECK(r.status == 0);
    if (r.token == T_WRITE) continue;
    int64_t *at = &got[r.token - 10];
    CHECK(memcmp(r.data, data + *at, (size_t)r.value) == 0);
    *at += r.value;
    all += r.value;
  }
  CHECK(most > 512 << 10 && most < MOST);
  free(data);
  test_end(loop, handles, 1 + 2 * N);
}

/* Turns the loop once; adds what was read of each stream, by its token, to got. Returns how many streams that were. */
static int reads(uintptr_t loop, int64_t *got, int n) {
  weft_shared *s = weft_loop_shared(loop);
  int all = 0;
  for (int i = 0; i < n; i++) got[i] = 0;
  weft_turn(loop, UV_RUN_NOWAIT);
  for (; s->drained < s->count; s->drained++) {
    const weft_record *r = &s->records[s->drained];
    CHECK(r->status == 0 && r->kind == WEFT_DATA);
    all += got[r->token - 1] == 0;
    got[r->token - 1] += r->value;
  }
  return all;
}

/* N streams with more to read than a turn may, and one with a word, in whatever order the system reports them. */
static void every_stream_is_read(int n) {
  enum { MOST = 200, SIZE = 96 << 10 };
  static char data[SIZE];
  uintptr_t loop = test_loop(), handles[1 + 2 * (MOST + 1)];
  weft_addr a = loopback(WEFT_IPV4);
  handles[0] = listening(loop, &a);
  for (int i = 0; i <= n; i++) connects(loop, handles[0], &a, &handles[1 + 2 * i]);
  for (int i = 0; i <= n; i++) {
    int64_t size = i < n ? SIZE : 4;
    CHECK(weft_stream_try_write(handles[1 + 2 * i], data, (uint64_t)size) == size);
    test_submit(loop, (weft_sub){.handle = handles[2 + 2 * i], .op = WEFT_READ_START, .token = 1 + (uint64_t)i});
  }
  int64_t now[MOST + 1], got[MOST + 1] = {0};
  int left = n + 1, turns = 0;
  while (left > 0) { /* those that were read wait until all others were */
    CHECK(reads(loop, now, n + 1) > 0 && ++turns <= 1 + n / 14);
    int64_t most = 0, all = 0;
    for (int i = 0; i <= n; i++) {
      if (now[i] > 0 && got[i] == 0) left--;
      if (now[i] > 0 && left > 0) CHECK(got[i] == 0);
      if (now[i] > most) most = now[i];
      got[i] += now[i];
      all += now[i];
    }
    CHECK(most <= 64 << 10 && all <= 17 << 16);
  }
  CHECK(got[n] == 4);
  if (n <= 100) CHECK(reads(loop, now, n + 1) == n); /* the shares have become smaller */
  test_end(loop, handles, 1 + 2 * (n + 1));
}

static void big_writes_arrive_whole(void) {
  enum { SIZE = 4 << 20 };
  pair p = connected(WEFT_IPV4);
  char *data = malloc(SIZE);
  for (int i = 0; i < SIZE; i++) data[i] = (char)(i * 31 >> 3);
  test_submit(p.loop, (weft_sub){.handle = p.handles[2], .op = WEFT_READ_START, .token = T_READER});
  test_submit(
      p.loop,
      (weft_sub){.handle = p.handles[1], .op = WEFT_WRITE, .token = T_WRITE, .data = (uintptr_t)data, .len = SIZE});
  int64_t got = 0;
  while (got < SIZE) {
    weft_record r = test_next(p.loop);
    CHECK(r.status == 0);
    if (r.token != T_READER) continue;
    CHECK(memcmp(r.data, data + got, (size_t)r.value) == 0);
    got += r.value;
  }
  free(data);
  test_end(p.loop, p.handles, 3);
}

static void looks_up(void) {
  uintptr_t loop = test_loop();
  uintptr_t req;
  CHECK(weft_getaddrinfo(loop, "127.0.0.1", "80", 0, 0, T_LOOKUP, &req) == 0);
  weft_record r = test_next(loop);
  CHECK(r.token == T_LOOKUP && r.status == 0 && r.kind == WEFT_ADDRS && r.value == 1);
  weft_addr *a = r.data;
  CHECK(a->family == WEFT_IPV4 && a->port == 80 && memcmp(a->ip, "\x7f\0\0\1", 4) == 0);
  weft_addrs_free(loop, r.data, (uint64_t)r.value);
  test_end(loop, NULL, 0);
}

static void refused_connection_is_an_error(void) {
  uintptr_t loop = test_loop();
  uintptr_t tcp;
  weft_addr a = loopback(WEFT_IPV4);
  a.port = 1;
  CHECK(weft_tcp_new(loop, &tcp) == 0);
  CHECK(weft_tcp_connect(tcp, &a, T_CONNECT) == 0);
  CHECK(test_next(loop).status == UV_ECONNREFUSED);
  test_end(loop, &tcp, 1);
}

int main(void) {
  echoes(WEFT_IPV4);
  echoes(WEFT_IPV6);
  close_cancels_pending_writes();
  sends_are_quiet();
  sends_that_have_to_wait_say_so();
  big_writes_arrive_whole();
  reads_of_a_turn_are_bounded();
  for (int n = 1; n <= 200; n = n * 5 / 2 + 1) every_stream_is_read(n);
  looks_up();
  refused_connection_is_an_error();
  return 0;
}
