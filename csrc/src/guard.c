/* SPDX-License-Identifier: MIT
 *
 * libuv installs its signal handlers without SA_ONSTACK. In a Go process they would run on a goroutine's stack, which
 * is too small and which the runtime scans: memory gets corrupted. */
#include "internal.h"

#ifdef _WIN32

int weft_guard_missing(void) { return 0; }

int weft_guard_signal(int signum) {
  (void)signum;
  return 0;
}

#else

#include <errno.h>
#include <signal.h>

static int guard_is_missing(const struct sigaction *sa) {
  if (sa->sa_flags & SA_ONSTACK) return 0;
  return (sa->sa_flags & SA_SIGINFO) || (sa->sa_handler != SIG_DFL && sa->sa_handler != SIG_IGN);
}

/* The first signal whose handler does not run on the signal stack; 0 when there is none. */
int weft_guard_missing(void) {
  for (int signum = 1; signum < NSIG; signum++) {
    struct sigaction sa;
    if (sigaction(signum, NULL, &sa) == 0 && guard_is_missing(&sa)) return signum;
  }
  return 0;
}

/* Puts the present handler of a signal on the signal stack, if there is one that is not. */
int weft_guard_signal(int signum) {
  struct sigaction sa;
  if (sigaction(signum, NULL, &sa) != 0) return -errno;
  if (!guard_is_missing(&sa)) return 0;
  sa.sa_flags |= SA_ONSTACK;
  return sigaction(signum, &sa, NULL) == 0 ? 0 : -errno;
}

#endif
