/* SPDX-License-Identifier: MIT
 *
 * Pipes, and handles that are passed over them. */
#include "test.h"

enum { T_LISTENER = 1, T_CONNECT, T_READER, T_WRITE };

#ifdef _WIN32
#define NAME "\\\\.\\pipe\\weft-test-pipe"
#else
#include <unistd.h>
#define NAME "weft-test-pipe"
#endif

/* Both ends of a pipe for handles; the listener is closed. */
static void connects(uintptr_t loop, uintptr_t ends[2]) {
  uintptr_t listener;
  CHECK(weft_pipe_new(loop, 1, &listener) == 0);
  CHECK(weft_pipe_bind(listener, NAME, strlen(NAME)) == 0);
  CHECK(weft_stream_listen(listener, 4, T_LISTENER) == 0);
  CHECK(weft_pipe_new(loop, 1, &ends[0]) == 0);
  CHECK(weft_pipe_connect(ends[0], NAME, strlen(NAME), T_CONNECT) == 0);
  CHECK(weft_pipe_connect(ends[0], NAME, strlen(NAME), T_CONNECT) == UV_EALREADY);
  for (int seen = 0; seen != 3;) {
    weft_record r = test_next(loop);
    CHECK(r.status == 0);
    if (r.token == T_CONNECT) seen |= 1;
    if (r.token == T_LISTENER) {
      CHECK(r.kind == WEFT_CONN && r.aux == UV_NAMED_PIPE);
      seen |= 2;
      ends[1] = (uintptr_t)r.value;
      weft_stream_taken(listener);
    }
  }
  test_submit(loop, (weft_sub){.handle = listener, .op = WEFT_CLOSE, .token = 7});
  CHECK(test_next(loop).token == 7);
}

static uintptr_t bound_tcp(uintptr_t loop) {
  uintptr_t tcp;
  weft_addr a = {.ip = {127, 0, 0, 1}, .family = WEFT_IPV4};
  CHECK(weft_tcp_new(loop, &tcp) == 0);
  CHECK(weft_tcp_bind(tcp, &a, 0) == 0);
  return tcp;
}

static void names_are_not_cut_off(void) {
  uintptr_t loop = test_loop(), pipe;
  char name[2048];
  memset(name, 'x', sizeof(name));
  CHECK(weft_pipe_new(loop, 0, &pipe) == 0);
  CHECK(weft_pipe_bind(pipe, name, sizeof(name)) == UV_ENAMETOOLONG);
  CHECK(weft_pipe_connect(pipe, name, sizeof(name), T_CONNECT) == UV_ENAMETOOLONG);
  CHECK(weft_pipe_bind(pipe, "a\0b", 3) == UV_EINVAL);
  CHECK(weft_pipe_bind(pipe, "", 0) == UV_EINVAL);
  CHECK(weft_pipe_bind(pipe, "\0", 1) == UV_EINVAL);
#ifndef _WIN32
  CHECK(weft_pipe_bind(pipe, "none/pipe", 9) == UV_ENOENT); /* libuv: EACCES */
#endif
  test_end(loop, &pipe, 1);
}

/* They are there before the bytes that they came with. */
static void handles_are_passed(void) {
  uintptr_t loop = test_loop(), handles[5];
  connects(loop, handles);
  handles[2] = bound_tcp(loop);
  weft_addr sent, got;
  CHECK(weft_tcp_sockname(handles[2], &sent) == 0);
  weft_piece pieces[2] = {{(uintptr_t) "he", 2}, {(uintptr_t) "re", 2}};
  for (int i = 0; i < 2; i++) CHECK(weft_stream_write(handles[0], pieces, 2, handles[2], T_WRITE) == 0);
  test_submit(loop, (weft_sub){.handle = handles[1], .op = WEFT_READ_START, .token = T_READER});
  int n = 0, bytes = 0, written = 0;
  while (bytes < 8 || written < 2) {
    weft_record r = test_next(loop);
    CHECK(r.status == 0);
    if (r.token == T_WRITE) {
      CHECK(r.value == 4);
      written++;
    } else if (r.kind == WEFT_CONN) {
      CHECK(r.aux == UV_TCP && n < 2);
      handles[3 + n++] = (uintptr_t)r.value;
      CHECK(weft_tcp_sockname((uintptr_t)r.value, &got) == 0 && got.port == sent.port);
    } else {
      CHECK(r.kind == WEFT_DATA && n > bytes / 4);
      bytes += (int)r.value;
    }
  }
  CHECK(n == 2);
  test_end(loop, handles, 5);
}

#ifndef _WIN32
/* libuv looks at a handle until the write that passes it along is done: valgrind sees it if that is freed. */
static void handles_close_before_they_are_passed(void) {
  uintptr_t loop = test_loop(), handles[3];
  connects(loop, handles);
  handles[2] = bound_tcp(loop);
  static char chunk[1 << 16];
  while (weft_stream_try_write(handles[0], chunk, sizeof(chunk)) > 0) {
  }
  weft_piece piece = {(uintptr_t)chunk, 1};
  CHECK(weft_stream_write(handles[0], &piece, 1, handles[2], T_WRITE) == 0);
  test_submit(loop, (weft_sub){.handle = handles[2], .op = WEFT_CLOSE, .token = 8});
  CHECK(test_next(loop).token == 8);
  test_submit(loop, (weft_sub){.handle = handles[1], .op = WEFT_READ_START, .token = T_READER});
  for (weft_record r = test_next(loop);; r = test_next(loop)) {
    if (r.token != T_WRITE) continue;
    CHECK(r.status == UV_EBADF);
    break;
  }
  test_end(loop, handles, 2);
}

/* More writes than 16 bits count pass one handle along: it is there as long as one of them is. */
static void a_handle_is_lent_often(void) {
  enum { WRITES = 1 << 16 };
  uintptr_t loop = test_loop(), handles[3];
  connects(loop, handles);
  handles[2] = bound_tcp(loop);
  static char chunk[1 << 16];
  while (weft_stream_try_write(handles[0], chunk, sizeof(chunk)) > 0) {
  }
  weft_piece piece = {(uintptr_t)chunk, 1};
  for (int i = 0; i < WRITES; i++) CHECK(weft_stream_write(handles[0], &piece, 1, handles[2], T_WRITE) == 0);
  test_submit(loop, (weft_sub){.handle = handles[2], .op = WEFT_CLOSE, .token = 8});
  CHECK(test_next(loop).token == 8);
  CHECK(weft_loop_shared(loop)->handles == 3);
  test_end(loop, handles, 2);
}
#endif

static void what_cannot_be_passed_is_refused(void) {
  uintptr_t loop = test_loop(), handles[5];
  weft_piece piece = {(uintptr_t) "x", 1};
  connects(loop, handles);
  handles[2] = bound_tcp(loop);
  CHECK(weft_tcp_new(loop, &handles[3]) == 0);
  CHECK(weft_timer_new(loop, 0, &handles[4]) == 0);
  CHECK(weft_stream_write(handles[0], &piece, 1, handles[3], T_WRITE) == UV_EBADF);
  CHECK(weft_stream_write(handles[0], &piece, 1, handles[4], T_WRITE) == UV_EINVAL);
  CHECK(weft_stream_write(handles[3], &piece, 1, handles[2], T_WRITE) == UV_EINVAL);
  CHECK(weft_stream_try_pass(handles[0], "x", 1, handles[3]) == UV_EBADF); /* libuv would abort */
  test_end(loop, handles, 5);
}

int main(void) {
#ifndef _WIN32
  char dir[] = "weft-test-XXXXXX";
  CHECK(mkdtemp(dir) != NULL && chdir(dir) == 0);
#endif
  names_are_not_cut_off();
  handles_are_passed();
  what_cannot_be_passed_is_refused();
#ifndef _WIN32
  handles_close_before_they_are_passed();
  a_handle_is_lent_often();
  CHECK(chdir("..") == 0 && rmdir(dir) == 0);
#endif
  return 0;
}
