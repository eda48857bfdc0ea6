/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* posix_openpt */
#endif

#include "test.h"

#ifdef _WIN32

int main(void) {
  uintptr_t loop = test_loop(), tty;
  CHECK(weft_tty_new(loop, 3, &tty) == UV_EBADF);
  CHECK(weft_tty_new(loop, -1, &tty) == UV_EBADF);
  CHECK(weft_tty_reset_mode() == 0);
  test_end(loop, NULL, 0);
  return 0;
}

#else

#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum { T_READER = 1, T_WRITE };

typedef struct {
  int master, slave;
} pty;

static pty pty_open(void) {
  pty p = {.master = posix_openpt(O_RDWR | O_NOCTTY)};
  CHECK(p.master >= 0 && grantpt(p.master) == 0 && unlockpt(p.master) == 0);
  p.slave = open(ptsname(p.master), O_RDWR | O_NOCTTY);
  CHECK(p.slave >= 0);
  return p;
}

static void pty_close(pty p) { CHECK(close(p.slave) == 0 && close(p.master) == 0); }

static int is_cooked(pty p) {
  struct termios t;
  CHECK(tcgetattr(p.slave, &t) == 0);
  return (t.c_lflag & ICANON) != 0;
}

static uintptr_t tty_on(uintptr_t loop, int fd) {
  uintptr_t tty;
  CHECK(weft_tty_new(loop, fd, &tty) == 0);
  return tty;
}

static void the_descriptor_stays_the_callers(void) {
  uintptr_t loop = test_loop(), ttys[2];
  pty p = pty_open();
  ttys[0] = tty_on(loop, p.slave);
  ttys[1] = tty_on(loop, p.master);
  for (int i = 0; i < 2; i++) {
    int64_t fd;
    CHECK(weft_handle_fileno(ttys[i], &fd) == 0 && fd != p.slave && fd != p.master);
  }
  test_end(loop, ttys, 2);
  CHECK(!(fcntl(p.slave, F_GETFL) & O_NONBLOCK));
  pty_close(p);
  loop = test_loop();
  CHECK(weft_tty_new(loop, p.slave, &ttys[0]) == UV_EBADF);
  test_end(loop, NULL, 0);
}

static void closing_gives_the_first_mode_back(void) {
  uintptr_t loop = test_loop();
  pty p = pty_open();
  uintptr_t tty = tty_on(loop, p.slave);
  int64_t before = weft_loop_shared(loop)->bytes;
  for (int i = 0; i < 2; i++) {
    CHECK(weft_tty_set_mode(tty, UV_TTY_MODE_RAW) == 0 && !is_cooked(p));
    CHECK(weft_tty_set_mode(tty, UV_TTY_MODE_IO) == 0 && !is_cooked(p));
    CHECK(weft_tty_set_mode(tty, UV_TTY_MODE_NORMAL) == 0 && is_cooked(p));
    CHECK(weft_loop_shared(loop)->bytes == before);
  }
  if (!weft_libuv_has(WEFT_HAS_TTY_RAW_VT)) {
    CHECK(weft_tty_set_mode(tty, WEFT_TTY_RAW_VT) == UV_ENOTSUP);
    CHECK(weft_loop_shared(loop)->bytes == before);
  }
  CHECK(weft_tty_set_mode(tty, UV_TTY_MODE_RAW) == 0 && !is_cooked(p));
  test_end(loop, &tty, 1);
  CHECK(is_cooked(p));
  pty_close(p);
}

static void a_reset_is_of_all_that_are_open(void) {
  uintptr_t loop = test_loop(), ttys[3];
  pty ptys[3];
  for (int i = 0; i < 3; i++) {
    ptys[i] = pty_open();
    ttys[i] = tty_on(loop, ptys[i].slave);
    CHECK(weft_tty_set_mode(ttys[i], UV_TTY_MODE_RAW) == 0);
  }
  test_submit(loop, (weft_sub){.handle = ttys[0], .op = WEFT_CLOSE, .token = 7});
  CHECK(test_next(loop).token == 7);
  for (int i = 0; i < 2; i++) {
    CHECK(weft_tty_reset_mode() == 0);
    CHECK(is_cooked(ptys[1]) && is_cooked(ptys[2]));
    CHECK(weft_tty_set_mode(ttys[1], UV_TTY_MODE_RAW) == 0); /* as after SIGCONT */
    CHECK(!is_cooked(ptys[1]));
  }
  CHECK(close(ptys[1].master) == 0);
  CHECK(weft_tty_set_mode(ttys[2], UV_TTY_MODE_RAW) == 0);
  CHECK(weft_tty_reset_mode() == UV_EIO); /* one is gone: the others are not */
  CHECK(is_cooked(ptys[2]));
  test_end(loop, &ttys[1], 2);
  CHECK(close(ptys[1].slave) == 0);
  pty_close(ptys[0]);
  pty_close(ptys[2]);
  CHECK(weft_tty_reset_mode() == 0);
}

static void two_of_one_terminal_know_its_first_mode(void) {
  uintptr_t loop = test_loop(), ttys[2];
  pty p = pty_open();
  for (int i = 0; i < 2; i++) {
    ttys[i] = tty_on(loop, p.slave);
    CHECK(weft_tty_set_mode(ttys[i], UV_TTY_MODE_RAW) == 0);
  }
  test_end(loop, ttys, 2);
  CHECK(is_cooked(p));
  pty_close(p);
}

/* All masters are one device. */
static void two_masters_are_two_terminals(void) {
  uintptr_t loop = test_loop(), ttys[2];
  pty ptys[2] = {pty_open(), pty_open()};
  struct termios raw;
  CHECK(tcgetattr(ptys[0].slave, &raw) == 0);
  cfmakeraw(&raw);
  CHECK(tcsetattr(ptys[0].slave, TCSANOW, &raw) == 0);
  for (int i = 0; i < 2; i++) {
    ttys[i] = tty_on(loop, ptys[i].master);
    CHECK(weft_tty_set_mode(ttys[i], UV_TTY_MODE_RAW) == 0);
  }
  test_end(loop, ttys, 2);
  CHECK(!is_cooked(ptys[0]) && is_cooked(ptys[1]));
  pty_close(ptys[0]);
  pty_close(ptys[1]);
}

static void lines_are_read_and_written(void) {
  uintptr_t loop = test_loop();
  pty p = pty_open();
  uintptr_t tty = tty_on(loop, p.slave);
  struct winsize size = {.ws_col = 97, .ws_row = 31};
  int width, height;
  CHECK(ioctl(p.master, TIOCSWINSZ, &size) == 0);
  CHECK(weft_tty_winsize(tty, &width, &height) == 0 && width == 97 && height == 31);
  test_submit(loop, (weft_sub){.handle = tty, .op = WEFT_READ_START, .token = T_READER});
  CHECK(write(p.master, "half", 4) == 4);
  CHECK(weft_turn(loop, UV_RUN_NOWAIT) == 0);
  CHECK(write(p.master, " and half\n", 10) == 10);
  weft_record r = test_next(loop);
  CHECK(r.token == T_READER && r.kind == WEFT_DATA && r.value == 14);
  CHECK(memcmp(r.data, "half and half\n", 14) == 0);
  char echo[64];
  size_t n = 0;
  for (ssize_t got; n < 15; n += (size_t)got) CHECK((got = read(p.master, echo + n, sizeof(echo) - n)) > 0);
  weft_piece piece = {(uintptr_t) "out", 3};
  CHECK(weft_stream_write(tty, &piece, 1, 0, T_WRITE) == 0);
  r = test_next(loop);
  CHECK(r.token == T_WRITE && r.status == 0);
  CHECK(read(p.master, echo, sizeof(echo)) == 3 && memcmp(echo, "out", 3) == 0);
  test_end(loop, &tty, 1);
  pty_close(p);
}

/* The system gives less than that at a time. */
static void all_is_read_before_the_end(void) {
  uintptr_t loop = test_loop();
  pty p = pty_open();
  uintptr_t tty = tty_on(loop, p.master);
  char text[6000];
  memset(text, 'x', sizeof(text));
  CHECK(write(p.slave, text, sizeof(text)) == (ssize_t)sizeof(text));
  CHECK(close(p.slave) == 0);
  test_submit(loop, (weft_sub){.handle = tty, .op = WEFT_READ_START, .token = T_READER});
  int64_t n = 0;
  weft_record r;
  for (r = test_next(loop); r.kind == WEFT_DATA; r = test_next(loop)) n += r.value;
  CHECK(n == (int64_t)sizeof(text));
  CHECK(r.token == T_READER && (r.status == UV_EOF || r.status == UV_EIO));
  test_end(loop, &tty, 1);
  CHECK(close(p.master) == 0);
}

int main(void) {
  the_descriptor_stays_the_callers();
  closing_gives_the_first_mode_back();
  a_reset_is_of_all_that_are_open();
  two_of_one_terminal_know_its_first_mode();
  two_masters_are_two_terminals();
  lines_are_read_and_written();
  all_is_read_before_the_end();
  return 0;
}

#endif
