/* SPDX-License-Identifier: MIT
 *
 * Descriptors that are closed elsewhere, or whose number is another file's by now, before libuv has the system watch
 * them: libuv alone aborts in the next poll. */
#include "test.h"

#ifndef __linux__
int main(void) { return 0; }
#else
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { T_READ = 1, T_WRITE, T_SHUTDOWN, T_CONNECT, T_LISTEN, T_SEND, T_CLOSED };
enum { LARGE = 1 << 20 }; /* more than a socket takes */

static char large[LARGE];

static void open_tcp(uintptr_t loop, int fd, uintptr_t *handle) {
  CHECK(weft_tcp_new(loop, handle) == 0 && weft_tcp_open(*handle, (uintptr_t)fd) == 0);
}

static void open_pipe(uintptr_t loop, int fd, uintptr_t *handle) {
  CHECK(weft_pipe_new(loop, 0, handle) == 0 && weft_pipe_open(*handle, (uintptr_t)fd) == 0);
}

static void (*const opens[])(uintptr_t, int, uintptr_t *) = {open_tcp, open_pipe};

static void make_pair(int type, int fds[2]) { CHECK(socketpair(AF_UNIX, type, 0, fds) == 0); }

static int same_file(int fd, int other) {
  char names[2][64], targets[2][64];
  int of[2] = {fd, other};
  for (int i = 0; i < 2; i++) {
    snprintf(names[i], sizeof(names[i]), "/proc/self/fd/%d", of[i]);
    ssize_t n = readlink(names[i], targets[i], sizeof(targets[i]) - 1);
    if (n < 0) return 0;
    targets[i][n] = 0;
  }
  return strcmp(targets[0], targets[1]) == 0;
}

static void submit(uintptr_t loop, uintptr_t handle, int op, uint64_t token) {
  test_submit(loop, (weft_sub){.handle = handle, .op = (uint8_t)op, .token = token});
}

static void submit_write(uintptr_t loop, uintptr_t handle, uint64_t len) {
  weft_sub write = {.handle = handle, .op = WEFT_WRITE, .token = T_WRITE, .data = (uintptr_t)large, .len = len};
  test_submit(loop, write);
}

static void expect(uintptr_t loop, uint64_t token, int status) {
  weft_record r = test_next(loop);
  if (r.token != token || r.status != status) {
    fprintf(stderr, "got %d of %d, want %d of %d\n", r.status, (int)r.token, status, (int)token);
    exit(1);
  }
}

/* What is asked of a handle that has lost its descriptor fails with the same error. */
static void expect_lost(uintptr_t loop, uintptr_t handle, int err) {
  submit(loop, handle, WEFT_READ_START, T_READ);
  expect(loop, T_READ, err);
  submit_write(loop, handle, 1);
  expect(loop, T_WRITE, err);
  submit(loop, handle, WEFT_SHUTDOWN, T_SHUTDOWN);
  expect(loop, T_SHUTDOWN, err);
  weft_piece piece = {.data = (uintptr_t)large, .len = 1};
  CHECK(weft_stream_write(handle, &piece, 1, 0, T_WRITE) == err);
  CHECK(weft_stream_try_write(handle, large, 1) == err);
  CHECK(weft_stream_try_pass(handle, large, 1, handle) == err);
  CHECK(weft_stream_listen(handle, 1, T_LISTEN) == err);
}

static void a_reader_hears_that_it_was_closed(void) {
  for (int i = 0; i < 2; i++) {
    uintptr_t loop = test_loop(), handle;
    int fds[2], others[2];
    make_pair(SOCK_STREAM, fds);
    opens[i](loop, fds[0], &handle);
    submit(loop, handle, WEFT_READ_START, T_READ);
    CHECK(close(fds[0]) == 0);
    expect(loop, T_READ, UV_EBADF);
    expect_lost(loop, handle, UV_EBADF);
    make_pair(SOCK_STREAM, others); /* the number is taken anew: the handle does not close it */
    CHECK(others[0] == fds[0]);
    test_end(loop, &handle, 1);
    CHECK(close(others[0]) == 0 && close(others[1]) == 0 && close(fds[1]) == 0);
  }
}

static void what_waits_to_be_written_fails(void) {
  for (int i = 0; i < 2; i++) {
    uintptr_t loop = test_loop(), handle;
    int fds[2];
    make_pair(SOCK_STREAM, fds);
    opens[i](loop, fds[0], &handle);
    for (int n = 0; n < 2; n++) submit_write(loop, handle, LARGE);
    submit(loop, handle, WEFT_SHUTDOWN, T_SHUTDOWN);
    weft_loop_submit(loop);
    CHECK(close(fds[0]) == 0);
    expect(loop, T_WRITE, UV_EBADF);
    expect(loop, T_WRITE, UV_EBADF);
    expect(loop, T_SHUTDOWN, UV_EBADF);
    expect_lost(loop, handle, UV_EBADF);
    test_end(loop, &handle, 1); /* no second end of any of them */
    CHECK(close(fds[1]) == 0);
  }
}

static void a_connect_fails(void) {
  uintptr_t loop = test_loop(), handles[2];
  weft_addr a = {.family = WEFT_IPV4, .ip = {127, 0, 0, 1}};
  int64_t fd;
  CHECK(weft_tcp_new(loop, &handles[0]) == 0 && weft_tcp_bind(handles[0], &a, 0) == 0);
  CHECK(weft_stream_listen(handles[0], 1, T_LISTEN) == 0 && weft_tcp_sockname(handles[0], &a) == 0);
  CHECK(weft_tcp_new(loop, &handles[1]) == 0 && weft_tcp_connect(handles[1], &a, T_CONNECT) == 0);
  CHECK(weft_handle_fileno(handles[1], &fd) == 0 && close((int)fd) == 0);
  CHECK(weft_handle_fileno(handles[0], &fd) == 0 && close((int)fd) == 0);
  int seen = 0;
  for (int i = 0; i < 2; i++) {
    weft_record r = test_next(loop);
    CHECK(r.status == UV_EBADF);
    seen |= r.token == T_CONNECT ? 1 : r.token == T_LISTEN ? 2 : 4;
  }
  CHECK(seen == 3);
  CHECK(weft_tcp_connect(handles[1], &a, T_CONNECT) == UV_EBADF);
  test_end(loop, handles, 2);
}

/* The system has the descriptor that was closed no longer, and does not know the one that has its number. */
static void another_one_is_left_alone(void) {
  uintptr_t loop = test_loop(), handle;
  int fds[2], others[2];
  make_pair(SOCK_STREAM, fds);
  make_pair(SOCK_STREAM, others);
  open_pipe(loop, fds[0], &handle);
  submit(loop, handle, WEFT_READ_START, T_READ);
  submit_write(loop, handle, LARGE);
  weft_loop_submit(loop);
  CHECK(weft_turn(loop, UV_RUN_NOWAIT) == 0); /* the system watches it, for reading and for writing */
  submit(loop, handle, WEFT_READ_STOP, 0);
  CHECK(weft_turn(loop, UV_RUN_NOWAIT) == 0);
  CHECK(dup2(others[0], fds[0]) == fds[0]);
  submit(loop, handle, WEFT_READ_START, T_READ);
  expect(loop, T_READ, UV_ENOENT);
  expect(loop, T_WRITE, UV_ENOENT);
  expect_lost(loop, handle, UV_ENOENT);
  test_end(loop, &handle, 1);
  CHECK(same_file(fds[0], others[0]));
  CHECK(close(fds[0]) == 0 && close(fds[1]) == 0 && close(others[0]) == 0 && close(others[1]) == 0);
}

static void what_cannot_be_watched_is_closed(void) {
  uintptr_t loop = test_loop(), handle;
  int fds[2];
  make_pair(SOCK_STREAM, fds);
  open_pipe(loop, fds[0], &handle);
  submit(loop, handle, WEFT_READ_START, T_READ);
  int null = open("/dev/null", O_RDWR);
  CHECK(null >= 0 && dup2(null, fds[0]) == fds[0] && close(null) == 0);
  expect(loop, T_READ, UV_EPERM);
  expect_lost(loop, handle, UV_EPERM);
  test_end(loop, &handle, 1);
  CHECK(fcntl(fds[0], F_GETFD) < 0 && close(fds[1]) == 0);
}

static void send_datagram(uintptr_t loop, uintptr_t udp, uint64_t token) {
  weft_shared *s = weft_loop_shared(loop);
  CHECK(s->arena_used == 0 && (s->arena_cap > 4096 || weft_arena_grow(loop, 4096) == 0));
  *(weft_datagram *)s->arena = (weft_datagram){.len = 1024};
  memset(s->arena + sizeof(weft_datagram), 'x', 1024);
  s->arena_used = sizeof(weft_datagram) + 1024;
  test_submit(loop, (weft_sub){.handle = udp, .op = WEFT_UDP_SEND, .token = token});
  weft_loop_submit(loop);
}

static void datagrams_fail(void) {
  uintptr_t loop = test_loop(), udp;
  weft_shared *s = weft_loop_shared(loop);
  int fds[2];
  make_pair(SOCK_DGRAM, fds);
  CHECK(weft_udp_new(loop, 0, 0, &udp) == 0 && weft_udp_open(udp, (uintptr_t)fds[0]) == 0);
  while (weft_udp_queue_count(udp) == 0) send_datagram(loop, udp, 0);
  send_datagram(loop, udp, T_SEND);
  CHECK(weft_udp_recv_start(udp, T_READ) == 0);
  CHECK(close(fds[0]) == 0);
  expect(loop, T_READ, UV_EBADF);
  expect(loop, T_SEND, UV_EBADF);
  CHECK(s->count == s->drained);
  send_datagram(loop, udp, T_SEND);
  expect(loop, T_SEND, UV_EBADF);
  CHECK(weft_udp_recv_start(udp, T_READ) == UV_EBADF);
  test_end(loop, &udp, 1);
  CHECK(close(fds[1]) == 0);
}

/* Of a loop that somebody else runs, too. */
static uintptr_t enter(int what, uint64_t id, uintptr_t arg) {
  (void)what;
  (void)id;
  (void)arg;
  return WEFT_HOST_DONE;
}

static void an_adopted_loop_goes_on(void) {
  uv_loop_t host;
  uintptr_t loop, handle;
  int fds[2];
  CHECK(uv_loop_init(&host) == 0);
  CHECK(weft_host_open(&host, enter, 1, 0, &loop) == 0);
  make_pair(SOCK_STREAM, fds);
  open_pipe(loop, fds[0], &handle);
  submit(loop, handle, WEFT_READ_START, T_READ);
  weft_loop_submit(loop);
  CHECK(close(fds[0]) == 0);
  weft_shared *s = weft_loop_shared(loop);
  while (s->count == 0) uv_run(&host, UV_RUN_NOWAIT);
  CHECK(s->records[0].token == T_READ && s->records[0].status == UV_EBADF);
  s->drained = s->count;
  submit(loop, handle, WEFT_CLOSE, T_CLOSED);
  weft_loop_submit(loop);
  while (s->handles > 0) uv_run(&host, UV_RUN_NOWAIT);
  s->drained = s->count;
  CHECK(weft_host_close(loop) == 0);
  uv_run(&host, UV_RUN_DEFAULT);
  weft_host_free(loop);
  CHECK(uv_loop_close(&host) == 0 && close(fds[1]) == 0);
}

int main(void) {
  test_signal_stack();
  a_reader_hears_that_it_was_closed();
  what_waits_to_be_written_fails();
  a_connect_fails();
  another_one_is_left_alone();
  what_cannot_be_watched_is_closed();
  datagrams_fail();
  an_adopted_loop_goes_on();
  return 0;
}
#endif
