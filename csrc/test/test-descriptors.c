/* SPDX-License-Identifier: MIT
 *
 * Loops in a process that has few file descriptors left: each starts, or says that it cannot, and leaves none open. */
#include "test.h"

#ifndef _WIN32
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { HIGHEST = 256, STARTED = 2, REFUSED = 3 };

static int count_open(void) {
  int n = 0;
  for (int fd = 0; fd < HIGHEST; fd++) n += fcntl(fd, F_GETFD) >= 0;
  return n;
}

/* The limit counts numbers: below it are few that are free. */
static void leave_few(int few) {
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  int fd = 0;
  for (; few > 0 || fcntl(fd, F_GETFD) >= 0; fd++) few -= fcntl(fd, F_GETFD) < 0;
  limit.rlim_cur = (rlim_t)fd;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static int starts(void) {
  uintptr_t loop;
  int before = count_open();
  int err = weft_loop_new(&loop);
  if (err == 0) {
    CHECK(weft_loop_close(loop) == 0);
    return 1;
  }
  CHECK(err == UV_EMFILE && count_open() == before);
  return 0;
}

/* libuv would abort when it finds none for what all of a process's loops share. */
static void first_loop_with_few_descriptors_is_an_error(void) {
  int started = 0;
  for (int few = 0; few < 12; few++) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
      leave_few(few);
      _exit(starts() ? STARTED : REFUSED);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    CHECK(code == STARTED || (code == REFUSED && !started));
    started = code == STARTED;
  }
  CHECK(started);
}

static void later_loop_with_few_descriptors_leaves_none_open(void) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(starts());
    for (int few = 0; few < 8; few++) {
      leave_few(few);
      starts();
    }
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void in_a_child(void (*f)(void)) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    f();
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* libuv would never close such a connection: its peer would wait for the end for ever. */
static void a_connection_does_not_become_standard_input(void) {
  uintptr_t loop = test_loop(), handles[2];
  weft_addr a = {.family = WEFT_IPV4, .ip = {127, 0, 0, 1}};
  CHECK(weft_tcp_new(loop, &handles[0]) == 0 && weft_tcp_bind(handles[0], &a, 0) == 0);
  CHECK(weft_stream_listen(handles[0], 16, 1) == 0 && weft_tcp_sockname(handles[0], &a) == 0);
  int client = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(a.port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
  CHECK(client > STDERR_FILENO && connect(client, (struct sockaddr *)&to, sizeof(to)) == 0);
  close(STDIN_FILENO);
  weft_record r = test_next(loop);
  CHECK(r.kind == WEFT_CONN);
  handles[1] = (uintptr_t)r.value;
  int64_t fd;
  CHECK(weft_handle_fileno(handles[1], &fd) == 0 && fd > STDERR_FILENO);
  CHECK(fcntl(STDIN_FILENO, F_GETFD) >= 0);
  weft_stream_taken(handles[0]);
  test_end(loop, handles, 2);
  char byte;
  CHECK(recv(client, &byte, 1, MSG_DONTWAIT) == 0); /* the end */
  close(client);
}

/* Libuv would abort for what it has opened for itself. */
static void a_loop_that_lost_standard_input_can_be_closed(void) {
  uintptr_t loop = test_loop(), tcp;
  close(STDIN_FILENO);
  CHECK(weft_tcp_new(loop, &tcp) == 0);
  test_end(loop, &tcp, 1);
}
#endif

int main(void) {
#ifndef _WIN32
  first_loop_with_few_descriptors_is_an_error();
  later_loop_with_few_descriptors_leaves_none_open();
  in_a_child(a_connection_does_not_become_standard_input);
  in_a_child(a_loop_that_lost_standard_input_can_be_closed);
#endif
  return 0;
}
