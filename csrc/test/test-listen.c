/* SPDX-License-Identifier: MIT
 *
 * Listeners: connections accepted ahead, their ends, and a process that has no file descriptor left. The peers are
 * plain sockets, which connect before the loop is turned. */
#include "test.h"

#include "internal.h"

#ifndef _WIN32
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>
#define closesocket close
#endif

enum { T_LISTENER = 100 };

typedef struct {
  uintptr_t loop;
  uintptr_t listener;
  struct sockaddr_in addr;
} server;

static void listens(server *s) {
  weft_addr a = {.family = WEFT_IPV4};
  memcpy(a.ip, "\x7f\0\0\1", 4);
  CHECK(weft_tcp_bind(s->listener, &a, 0) == 0);
  CHECK(weft_stream_listen(s->listener, 256, T_LISTENER) == 0);
  CHECK(weft_tcp_sockname(s->listener, &a) == 0);
  memset(&s->addr, 0, sizeof(s->addr));
  s->addr.sin_family = AF_INET;
  s->addr.sin_port = htons(a.port);
  s->addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
}

static server listening(void) {
  server s = {.loop = test_loop()};
  CHECK(weft_tcp_new(s.loop, &s.listener) == 0);
  listens(&s);
  return s;
}

static uv_os_sock_t socket_new(void) {
  uv_os_sock_t sock = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(sock != (uv_os_sock_t)-1);
  return sock;
}

static void connects(const server *s, uv_os_sock_t sock) {
  CHECK(connect(sock, (const struct sockaddr *)&s->addr, sizeof(s->addr)) == 0);
}

/* More than are accepted ahead: each taken one has the next accepted, also when the array of records is full. */
static void all_of_a_full_backlog_arrive(void) {
  enum { N = 200, AHEAD = 64, MORE = 10 };
  uv_os_sock_t socks[N];
  server s = listening();
  for (int i = 0; i < N; i++) connects(&s, socks[i] = socket_new());
  uintptr_t handles[N + 1] = {s.listener};
  weft_shared *shared = weft_loop_shared(s.loop);
  while (shared->count < AHEAD) weft_turn(s.loop, UV_RUN_NOWAIT);
  for (int i = 0; i < MORE; i++) weft_turn(s.loop, UV_RUN_NOWAIT); /* libuv for Windows announces several more */
  CHECK(shared->count == AHEAD);
  for (int i = 0; i < N; i++) {
    weft_record r = test_next(s.loop);
    CHECK(r.token == T_LISTENER && r.status == 0 && r.kind == WEFT_CONN);
    handles[i + 1] = (uintptr_t)r.value;
    weft_stream_taken(s.listener);
  }
  test_end(s.loop, handles, N + 1);
  for (int i = 0; i < N; i++) closesocket(socks[i]);
}

/* What libuv holds back is closed with the listener, without a record. */
static void listener_closes_what_it_holds_back(void) {
  enum { N = 70, AHEAD = 64 };
  uv_os_sock_t socks[N];
  uintptr_t handles[AHEAD + 1];
  server s = listening();
  for (int i = 0; i < N; i++) connects(&s, socks[i] = socket_new());
  for (int i = 0; i < AHEAD; i++) handles[i] = (uintptr_t)test_next(s.loop).value;
  weft_shared *shared = weft_loop_shared(s.loop);
  weft_turn(s.loop, UV_RUN_NOWAIT);
  CHECK(shared->count == shared->drained);
  handles[AHEAD] = s.listener;
  test_end(s.loop, handles, AHEAD + 1);
  for (int i = 0; i < N; i++) closesocket(socks[i]);
}

#ifndef _WIN32 /* where there is no limit to reach */

static int taken[64], ntaken;

static void frees_all(int signum) {
  (void)signum;
  while (ntaken > 0) close(taken[--ntaken]);
}

static void take_rest(void) {
  for (int fd; (fd = open("/dev/null", O_RDONLY)) >= 0;) taken[ntaken++] = fd;
  CHECK(ntaken < 64);
}

/* Takes all descriptors, also the one that libuv would drop connections with: as if another thread had been quicker. */
static void take_all(server *s) {
  uv_loop_t *uv = weft_uv_loop((weft_loop *)s->loop);
  taken[ntaken++] = uv->emfile_fd;
  uv->emfile_fd = -1;
  take_rest();
}

/* The failures that the records say, and connections that they bring. */
static int failures_of(server *s, uintptr_t *handles, int *n) {
  weft_shared *shared = weft_loop_shared(s->loop);
  int failures = 0;
  while (shared->drained < shared->count) {
    weft_record r = shared->records[shared->drained++];
    CHECK(r.token == T_LISTENER);
    if (r.status == 0) {
      handles[(*n)++] = (uintptr_t)r.value;
      weft_stream_taken(s->listener);
    } else {
      CHECK(r.status == UV_EMFILE);
      failures++;
    }
  }
  return failures;
}

/* From 1.45 on libuv keeps failures to accept to itself. This library tells of them, as long as it can look. */
static int libuv_is_silent(void) { return uv_version() >= 0x013400; }

/* valgrind keeps the limit itself, by closing what was accepted beyond it. */
static int under_valgrind(void) {
  const char *preload = getenv("LD_PRELOAD");
  return preload != NULL && strstr(preload, "vgpreload") != NULL;
}

/* With no descriptor left the loop goes on, the connections wait, and one failure is reported at a time; when there are
 * some again, every connection arrives. */
static void no_descriptor_left_holds_connections_back(void) {
  enum { N = 5 };
  struct rlimit before, few;
  uv_os_sock_t clients[N];
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  few = before;
  few.rlim_cur = 60;
  CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
  server s = listening();
  for (int i = 0; i < N; i++) clients[i] = socket_new();
  take_all(&s);
  for (int i = 0; i < N; i++) connects(&s, clients[i]);
  uintptr_t handles[N + 1] = {s.listener};
  int n = 1, failures = 0;
  weft_turn(s.loop, UV_RUN_ONCE); /* it returns: that is the point */
  CHECK(failures_of(&s, handles, &n) == !libuv_is_silent() && n == 1);
  for (int i = 0; i < 6; i++) { /* each spare one is a connection more, until there is none */
    weft_stream_retry(s.listener);
    weft_turn(s.loop, UV_RUN_NOWAIT);
    int failed = failures_of(&s, handles, &n);
    CHECK(failed <= 1 && n <= 1 + WEFT_SPARES);
    failures += failed;
  }
  CHECK(libuv_is_silent() ? failures == 0 : failures > 1);
  frees_all(0);
  for (int i = 0; n < N + 1 && i < 1000; i++) {
    weft_stream_retry(s.listener);
    weft_turn(s.loop, UV_RUN_NOWAIT);
    failures_of(&s, handles, &n);
  }
  CHECK(n == N + 1);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  for (int i = 0; i < N; i++) closesocket(clients[i]);
  test_end(s.loop, handles, n);
}

/* libuv has a spare descriptor, and would reset everybody who waits with its help. Here it does not, and keeps it. */
static void nobody_is_reset_for_want_of_descriptors(void) {
  enum { N = 8 };
  struct rlimit before, few;
  uv_os_sock_t clients[N];
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  few = before;
  few.rlim_cur = 60;
  CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
  server s = listening();
  for (int i = 0; i < N; i++) clients[i] = socket_new();
  uv_loop_t *uv = weft_uv_loop((weft_loop *)s.loop);
  int own = uv->emfile_fd;
  CHECK(own >= 0);
  take_rest();
  for (int i = 0; i < N; i++) connects(&s, clients[i]);
  uintptr_t handles[N + 1] = {s.listener};
  int n = 1, failures = 0;
  for (int i = 0; i < 10; i++) {
    weft_turn(s.loop, UV_RUN_NOWAIT);
    failures += failures_of(&s, handles, &n);
    weft_stream_retry(s.listener);
  }
  CHECK(failures > 0 && n <= 1 + WEFT_SPARES && uv->emfile_fd == own);
  frees_all(0);
  for (int i = 0; n < N + 1 && i < 1000; i++) {
    weft_stream_retry(s.listener);
    weft_turn(s.loop, UV_RUN_NOWAIT);
    failures_of(&s, handles, &n);
  }
  CHECK(n == N + 1 && uv->emfile_fd == own);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  for (int i = 0; i < N; i++) {
    char c;
    CHECK(recv(clients[i], &c, 1, MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
    closesocket(clients[i]);
  }
  test_end(s.loop, handles, n);
}

/* Another thread takes every descriptor that there ever is, the spare ones too: libuv tries until one is freed, which
 * memory does not grow for. */
static void no_descriptor_at_all_is_one_record(void) {
  struct rlimit before, few;
  uv_os_sock_t client = socket_new();
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  few = before;
  few.rlim_cur = 60;
  CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
  server s = listening();
  while (weft__spare_give((weft_loop *)s.loop)) {
  }
  take_all(&s);
  connects(&s, client);
  signal(SIGALRM, frees_all);
  struct itimerval soon = {.it_value = {.tv_usec = 50 * 1000}};
  CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
  uintptr_t handles[2] = {s.listener};
  int n = 1;
  int failures = 0;
  do {
    weft_turn(s.loop, UV_RUN_ONCE);
    failures += failures_of(&s, handles, &n);
  } while (failures == 0 && n == 1);
  CHECK(failures == !libuv_is_silent());
  CHECK(weft_loop_shared(s.loop)->bytes < 1 << 20);
  while (n < 2) { /* until the alarm has freed some, and libuv has looked again */
    weft_stream_retry(s.listener);
    failures_of(&s, handles, &n);
    if (n < 2) weft_turn(s.loop, UV_RUN_NOWAIT);
  }
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  closesocket(client);
  test_end(s.loop, handles, n);
}

#endif

int main(void) {
  all_of_a_full_backlog_arrive();
  listener_closes_what_it_holds_back();
#ifndef _WIN32
  if (!under_valgrind()) {
    no_descriptor_left_holds_connections_back();
    no_descriptor_at_all_is_one_record();
    nobody_is_reset_for_want_of_descriptors();
  }
#endif
  return 0;
}
