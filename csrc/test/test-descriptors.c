/* SPDX-License-Identifier: MIT
 *
 * Loops in a process that has few file descriptors left: each starts, or says that it cannot, and leaves none open. */
#include "test.h"

#ifndef _WIN32
#include <fcntl.h>
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
#endif

int main(void) {
#ifndef _WIN32
  first_loop_with_few_descriptors_is_an_error();
  later_loop_with_few_descriptors_leaves_none_open();
#endif
  return 0;
}
