/* SPDX-License-Identifier: MIT
 *
 * Polls of descriptors that somebody else reads, and descriptors for which libuv would abort in the poll. */
#include "test.h"

#ifdef _WIN32
int main(void) { return 0; }
#else
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

enum { T_POLL = 1, T_OTHER, T_WRITE, T_READ };

static uintptr_t poll_of(uintptr_t loop, int fd) {
  uintptr_t poll;
  CHECK(weft_poll_new(loop, fd, 0, &poll) == 0);
  return poll;
}

static void start(uintptr_t loop, uintptr_t poll, int events, uint64_t token) {
  (void)loop;
  CHECK(weft_poll_start(poll, events, token) == 0);
}

static void quiet(uintptr_t loop) {
  weft_shared *s = weft_loop_shared(loop);
  for (int i = 0; i < 3; i++) {
    weft_turn(loop, UV_RUN_NOWAIT);
    CHECK(s->count == s->drained);
  }
}

/* As long as nobody reads, there is one record in each turn; stopped or closed, there is none. */
static void one_record_a_turn(void) {
  uintptr_t loop = test_loop();
  weft_shared *s = weft_loop_shared(loop);
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  uintptr_t polls[2] = {poll_of(loop, fds[0]), poll_of(loop, fds[1])};
  start(loop, polls[0], UV_READABLE, T_POLL);
  quiet(loop);
  CHECK(write(fds[1], "x", 1) == 1);
  for (int i = 0; i < 3; i++) {
    weft_turn(loop, UV_RUN_ONCE);
    CHECK(s->count == 1 && s->records[0].token == T_POLL && s->records[0].value == UV_READABLE);
    s->drained = s->count;
  }
  start(loop, polls[0], UV_READABLE | UV_WRITABLE, T_OTHER);
  weft_record r = test_next(loop);
  CHECK(r.token == T_OTHER && r.value == (UV_READABLE | UV_WRITABLE) && s->count == 1);
  weft_poll_stop(polls[0]);
  quiet(loop);
  start(loop, polls[0], UV_READABLE, T_POLL);
  start(loop, polls[1], UV_WRITABLE, T_OTHER);
  weft_turn(loop, UV_RUN_NOWAIT);
  CHECK(s->count == 2);
  s->drained = s->count;
  for (int i = 0; i < 2; i++) test_submit(loop, (weft_sub){.handle = polls[i], .op = WEFT_CLOSE, .token = 9});
  for (int i = 0; i < 2; i++) CHECK(test_next(loop).token == 9); /* closed while they are active */
  CHECK(s->count == s->drained);
  test_end(loop, NULL, 0);
  CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
}

/* What libuv sees before that is drained is added to it. */
static void a_record_that_waits_says_all(void) {
  uintptr_t loop = test_loop();
  weft_shared *s = weft_loop_shared(loop);
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  uintptr_t poll = poll_of(loop, fds[0]);
  start(loop, poll, UV_READABLE | UV_WRITABLE, T_POLL);
  weft_turn(loop, UV_RUN_ONCE);
  CHECK(s->count == 1 && s->records[0].value == UV_WRITABLE);
  CHECK(write(fds[1], "x", 1) == 1);
  weft_turn(loop, UV_RUN_ONCE);
  CHECK(s->count == 1 && s->records[0].value == (UV_READABLE | UV_WRITABLE));
  s->drained = s->count;
  test_end(loop, &poll, 1);
  CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
}

#ifdef __linux__
/* Has a number be that of what the system cannot wait for. */
static void make_null(int fd) {
  int null = open("/dev/null", O_RDWR);
  CHECK(null >= 0 && dup2(null, fd) == fd && close(null) == 0);
}

static void what_is_refused_says_so(void) {
  uintptr_t loop = test_loop(), poll;
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  int null = open("/dev/null", O_RDWR);
  CHECK(null >= 0 && weft_poll_new(loop, null, 0, &poll) == UV_EPERM && close(null) == 0);
  CHECK(weft_poll_new(loop, 9999, 0, &poll) == UV_EBADF);

  uintptr_t polls[3] = {poll_of(loop, fds[0]), poll_of(loop, fds[1]), poll_of(loop, fds[1])};
  start(loop, polls[1], UV_READABLE, T_POLL);
  CHECK(weft_poll_start(polls[2], UV_READABLE, T_OTHER) == UV_EEXIST);
  CHECK((weft_handle_state(polls[2]) & WEFT_ACTIVE) == 0);
  make_null(fds[0]);
  CHECK(weft_poll_start(polls[0], UV_READABLE, T_OTHER) == UV_EPERM);
  make_null(fds[1]);
  weft_record r = test_next(loop);
  CHECK(r.token == T_POLL && r.status == UV_EPERM);
  CHECK((weft_handle_state(polls[1]) & WEFT_ACTIVE) == 0);
  CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
  test_end(loop, polls, 3);
}

/* One whose descriptor is closed when it starts anew does not go on with what it was asked for before. */
static void a_start_that_fails_stops(void) {
  uintptr_t loop = test_loop();
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  uintptr_t poll = poll_of(loop, fds[0]);
  start(loop, poll, UV_READABLE, T_POLL);
  quiet(loop);
  CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
  CHECK(weft_poll_start(poll, UV_WRITABLE, T_OTHER) == UV_EBADF);
  CHECK((weft_handle_state(poll) & WEFT_ACTIVE) == 0);
  test_end(loop, &poll, 1);
}

/* A poll that closes late, when its descriptor's number is another's. */
static void others_go_on(void) {
  uintptr_t loop = test_loop(), handles[2];
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
  handles[0] = poll_of(loop, fds[0]);
  CHECK(weft_pipe_new(loop, 0, &handles[1]) == 0);
  CHECK(weft_pipe_open(handles[1], (uintptr_t)fds[0]) == 0);
  test_submit(loop, (weft_sub){.handle = handles[1], .op = WEFT_READ_START, .token = T_READ});
  quiet(loop);
  test_submit(loop, (weft_sub){.handle = handles[0], .op = WEFT_CLOSE, .token = 9});
  CHECK(test_next(loop).token == 9);
  CHECK(write(fds[1], "x", 1) == 1);
  weft_turn(loop, UV_RUN_NOWAIT);
  CHECK(weft_loop_shared(loop)->count == 1);
  CHECK(test_next(loop).token == T_READ);
  CHECK(close(fds[1]) == 0);
  test_end(loop, &handles[1], 1);
}

/* More than one system call takes: libuv would wait for the rest of it. */
static void streams_of_devices_are_written_at_once(void) {
  const uint64_t size = 7ULL << 29;
  uintptr_t loop = test_loop(), pipe;
  char *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(data != MAP_FAILED);
  CHECK(weft_pipe_new(loop, 0, &pipe) == 0);
  CHECK(weft_pipe_open(pipe, (uintptr_t)open("/dev/null", O_RDWR)) == 0);
  test_submit(loop, (weft_sub){.handle = pipe, .op = WEFT_READ_START, .token = T_READ});
  weft_record r = test_next(loop);
  CHECK(r.token == T_READ && r.status == UV_EPERM);
  test_submit(loop,
              (weft_sub){.handle = pipe, .op = WEFT_WRITE, .token = T_WRITE, .data = (uintptr_t)data, .len = size});
  r = test_next(loop);
  CHECK(r.token == T_WRITE && r.status == 0 && (uint64_t)r.value == size);
  test_end(loop, &pipe, 1);
  CHECK(munmap(data, size) == 0);
}
#endif

int main(void) {
  one_record_a_turn();
  a_record_that_waits_says_all();
#ifdef __linux__
  what_is_refused_says_so();
  a_start_that_fails_stops();
  others_go_on();
  streams_of_devices_are_written_at_once();
#endif
  return 0;
}
#endif
