// SPDX-License-Identifier: MIT

//go:build !windows

package uvtest

/*
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int pty_open(int *master, int *slave, char *path, size_t len) {
  *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*master < 0) return errno;
  const char *name = grantpt(*master) == 0 && unlockpt(*master) == 0 ? ptsname(*master) : NULL;
  *slave = name == NULL ? -1 : open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (*slave >= 0) {
    strncpy(path, name, len - 1);
    return 0;
  }
  close(*master);
  return errno;
}

static int pty_resize(int fd, int width, int height) {
  struct winsize size = {.ws_col = (unsigned short)width, .ws_row = (unsigned short)height};
  return ioctl(fd, TIOCSWINSZ, &size) == 0 ? 0 : errno;
}

static int pty_is_cooked(int fd) {
  struct termios t;
  return tcgetattr(fd, &t) == 0 && (t.c_lflag & ICANON) && (t.c_lflag & ECHO);
}

static int pty_posts(int fd) {
  struct termios t;
  return tcgetattr(fd, &t) == 0 && (t.c_oflag & OPOST);
}

static int pty_make_raw(int fd) {
  struct termios t;
  if (tcgetattr(fd, &t) != 0) return errno;
  cfmakeraw(&t);
  return tcsetattr(fd, TCSANOW, &t) == 0 ? 0 : errno;
}
*/
import "C"

import (
	"os"
	"syscall"
	"testing"
)

// PTY is a pseudo terminal: two ends. The name of the slave is its path.
type PTY struct{ Master, Slave *os.File }

// OpenPTY opens one, which the end of the test closes.
func OpenPTY(t testing.TB) PTY {
	t.Helper()
	var master, slave C.int
	var path [64]C.char
	if e := C.pty_open(&master, &slave, &path[0], C.size_t(len(path))); e != 0 {
		t.Fatal("no pty:", syscall.Errno(e))
	}
	p := PTY{os.NewFile(uintptr(master), "master"), os.NewFile(uintptr(slave), C.GoString(&path[0]))}
	t.Cleanup(func() {
		_ = p.Master.Close()
		_ = p.Slave.Close()
	})
	return p
}

// Resize sets the size, in characters.
func (p PTY) Resize(width, height int) error {
	if e := C.pty_resize(C.int(p.Master.Fd()), C.int(width), C.int(height)); e != 0 {
		return syscall.Errno(e)
	}
	return nil
}

// IsCooked reports whether the terminal echoes and edits lines.
func (p PTY) IsCooked() bool { return C.pty_is_cooked(C.int(p.Slave.Fd())) != 0 }

// Posts reports whether it processes what is written.
func (p PTY) Posts() bool { return C.pty_posts(C.int(p.Slave.Fd())) != 0 }

// MakeRaw sets the terminal's mode as another program would.
func (p PTY) MakeRaw() error {
	if e := C.pty_make_raw(C.int(p.Slave.Fd())); e != 0 {
		return syscall.Errno(e)
	}
	return nil
}
