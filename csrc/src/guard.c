/* SPDX-License-Identifier: MIT
 *
 * What makes libuv's signal handling safe beside the Go runtime.
 *
 * libuv installs its handler without SA_ONSTACK: in a Go process it would run on a goroutine's stack, which is too
 * small and which the runtime scans. It forgets the handler that was there before, and puts SIG_DFL in its own place
 * when the last watcher stops. So, for each signal that is watched, and for SIGCHLD before the first child:
 *
 * - a watcher on a loop that nobody runs is never stopped, and libuv, which installs a handler for the first watcher of
 * the process and removes it with the last, does neither any more;
 * - a handler of ours, on the signal stack, calls the one that was there before, which is Go's, and then libuv's;
 * - others may have replaced ours since: os/signal's Ignore does, and Notify after it. Each use looks, and puts ours
 * back.
 *
 * Between libuv's sigaction and ours the process is unguarded, once for each signal, for less than a microsecond.
 *
 * A signal for which there was no handler at all is let go with its last watcher of ours: SIG_DFL or SIG_IGN is then
 * what was there, which programs that this one runs inherit. Where one was, ours stays, for C libraries may watch the
 * signal by then, and libuv would not install anything for them. */
#include "internal.h"

#ifdef _WIN32

#include <signal.h>

int weft_guard_missing(void) { return 0; }

int weft_guard_signal(int signum) {
  (void)signum;
  return 0;
}

/* libuv would take the numbers of faults, and those that never come, and tell of none. */
int weft_guard_watch(int signum) {
  const int bus = 7; /* Go's number: C has no name for it */
  int refused = signum == SIGSEGV || signum == SIGFPE || signum == SIGILL || signum == SIGKILL || signum == bus;
  return refused ? UV_EINVAL : 0;
}

void weft_guard_unwatch(int signum) { (void)signum; }

int weft_guard_handled(int signum) {
  (void)signum;
  return 0;
}

int weft_guard_spawn(void) { return 0; }

int weft_guard_install(void) { return 0; }

int weft_guard_pipe(void) { return 0; }

#else

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

/* A function of one argument or of three, SIG_DFL or SIG_IGN. */
typedef uintptr_t guard_handler;

#define GUARD_DEFAULT ((guard_handler)SIG_DFL)

/* What is kept for each signal. */
typedef struct {
  _Atomic guard_handler prev;  /* what ours has replaced */
  _Atomic guard_handler first; /* what was there before anything of this file */
  _Atomic int users;           /* watchers of ours */
  int known;                   /* first is set */
  int inited;
  int active; /* libuv has our watcher */
  uv_signal_t watcher;
} guard_entry;

static guard_entry guard_entries[NSIG];
static pthread_mutex_t guard_mutex = PTHREAD_MUTEX_INITIALIZER; /* for all but the handler */
static uv_loop_t guard_loop;                                    /* nobody runs it */
static int guard_ready;
static _Atomic guard_handler guard_libuv; /* libuv's handler, which takes the first argument only */
static _Atomic uint32_t guard_ends;

/* Calls of the handler that this thread is in, by signal. A second call for the same signal means that the Go handler,
 * which was called, has called back. Calls for other signals do not count: all of them are blocked there, but on a
 * thread of C Go's handler unblocks some, SIGCHLD among them. Allocated with the thread, since a first use inside a
 * handler must not be. */
#ifdef __linux__
static __thread unsigned char guard_depth[NSIG] __attribute__((tls_model("initial-exec")));
#else
static __thread unsigned char guard_depth[NSIG];
#endif

static int guard_is_function(guard_handler h) { return h != GUARD_DEFAULT && h != (guard_handler)SIG_IGN; }

static guard_handler guard_handler_of(const struct sigaction *sa) {
  return (sa->sa_flags & SA_SIGINFO) ? (guard_handler)sa->sa_sigaction : (guard_handler)sa->sa_handler;
}

static void guard_on_signal(int signum, siginfo_t *info, void *context);

#define GUARD_OURS ((guard_handler)guard_on_signal)

static void guard_action(struct sigaction *sa) {
  memset(sa, 0, sizeof(*sa));
  sa->sa_sigaction = guard_on_signal;
  sa->sa_flags = SA_ONSTACK | SA_SIGINFO | SA_RESTART;
  sigfillset(&sa->sa_mask); /* libuv's handler takes a lock */
}

/* What the system does with a signal that has no handler. */
static void guard_do_default(int signum) {
  struct sigaction sa = {.sa_handler = SIG_DFL};
  sigset_t only;
  sigaction(signum, &sa, NULL);
  sigemptyset(&only);
  sigaddset(&only, signum);
  raise(signum);
  pthread_sigmask(SIG_UNBLOCK, &only, NULL);
  pthread_sigmask(SIG_BLOCK, &only, NULL); /* it was one that does not end the process */
  guard_action(&sa);
  sigaction(signum, &sa, NULL);
}

/* Go installs its handler over ours when it had none, as in a C program that has loaded it, and hands signals on to
 * ours when it no longer wants them: the second call goes on to what was there first, and the third, for it was Go,
 * nowhere. A second call may also be one more signal of the same number: the loop hears of both by the first call,
 * which reaches libuv when the second has returned. Three arguments also for a handler that takes one: as Go's runtime
 * does when it hands a signal on.
 *
 * libuv's comes last: it wakes a loop on another thread, and who hears of the signal there may stop watching, or have
 * Go ignore it. Go would end the process for one that reached it after that. */
static void guard_on_signal(int signum, siginfo_t *info, void *context) {
  int saved = errno;
  guard_entry *e = &guard_entries[signum];
  int depth = ++guard_depth[signum];
  guard_handler next = depth > 2 ? GUARD_DEFAULT : atomic_load(depth == 1 ? &e->prev : &e->first);
  if (guard_is_function(next)) {
    ((void (*)(int, siginfo_t *, void *))next)(signum, info, context);
  } else if (depth == 2 && next == GUARD_DEFAULT && atomic_load(&e->users) == 0) {
    guard_do_default(signum);
  }
  if (depth == 1) {
    if (signum == SIGCHLD) atomic_fetch_add(&guard_ends, 1); /* first: see weft__process_check */
    guard_handler libuv = atomic_load(&guard_libuv);
    if (libuv != 0) ((void (*)(int))libuv)(signum);
    if (signum == SIGCHLD) weft__reap();
  }
  guard_depth[signum]--;
  errno = saved;
}

/* Notes what ours is called in place of. */
static void guard_keep(guard_entry *e, const struct sigaction *sa) {
  guard_handler h = guard_handler_of(sa);
  if (h == GUARD_OURS) return;
  if (h == atomic_load(&guard_libuv)) h = GUARD_DEFAULT; /* C code was here first, and what it replaced is lost */
  if (!e->known) atomic_store(&e->first, h);
  e->known = 1;
  atomic_store(&e->prev, h);
}

/* Puts ours in the place of whatever is there. */
static void guard_put(guard_entry *e, int signum) {
  struct sigaction ours, was;
  sigaction(signum, NULL, &was);
  if (guard_handler_of(&was) == GUARD_OURS) return;
  int libuv = guard_handler_of(&was) == atomic_load(&guard_libuv);
  if (!libuv) guard_keep(e, &was); /* it must be known before ours can be called */
  guard_action(&ours);
  sigaction(signum, &ours, &was);
  if (guard_handler_of(&was) != atomic_load(&guard_libuv))
    guard_keep(e, &was); /* another thread may have been faster */
}

static void guard_on_watch(uv_signal_t *watcher, int signum) {
  (void)watcher;
  (void)signum;
}

/* Learns which handler libuv installs, by a signal that nobody sends. It stays unknown if C code watches that already.
 */
static void guard_learn(int signum) {
  uv_signal_t *watcher = &guard_entries[signum].watcher;
  struct sigaction was, is;
  if (uv_signal_init(&guard_loop, watcher) != 0) return;
  guard_entries[signum].inited = 1;
  sigaction(signum, NULL, &was);
  if (uv_signal_start(watcher, guard_on_watch, signum) != 0) return;
  sigaction(signum, NULL, &is);
  uv_signal_stop(watcher);
  if (guard_handler_of(&is) == guard_handler_of(&was)) return;
  sigaction(signum, &was, NULL);
  atomic_store(&guard_libuv, guard_handler_of(&is));
}

static int guard_begin(void) {
  if (!guard_ready) {
    int err = weft__loop_init(&guard_loop);
    if (err != 0) return err;
    guard_ready = 1;
#ifdef SIGRTMAX
    for (int signum = SIGRTMAX; signum > SIGRTMIN && atomic_load(&guard_libuv) == 0; signum--) guard_learn(signum);
#else
    guard_learn(SIGIO);
#endif
  }
  return atomic_load(&guard_libuv) != 0 ? 0 : UV_ENOTSUP;
}

/* Those of the Go runtime, of the C library, and those that cannot be caught. */
static int guard_is_reserved(int signum) {
  switch (signum) {
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGPROF:
    case SIGURG:
    case SIGKILL:
    case SIGSTOP:
      return 1;
  }
#ifdef __linux__
  if (signum >= 32 && signum <= 34) return 1;
#endif
  return signum <= 0 || signum >= NSIG;
}

static int guard_start(guard_entry *e, int signum) {
  int err = guard_begin();
  if (err != 0 || e->active) return err;
  if (!e->inited) err = uv_signal_init(&guard_loop, &e->watcher);
  if (err != 0) return err;
  e->inited = 1;
  struct sigaction was;
  sigaction(signum, NULL, &was);
  guard_keep(e, &was);
  err = uv_signal_start(&e->watcher, guard_on_watch, signum);
  e->active = err == 0;
  return err;
}

/* Each watcher of ours says so before libuv hears of it. It returns UV_EINVAL for a signal that nobody may watch. */
int weft_guard_watch(int signum) {
  if (guard_is_reserved(signum)) return UV_EINVAL;
  guard_entry *e = &guard_entries[signum];
  pthread_mutex_lock(&guard_mutex);
  int err = guard_start(e, signum);
  if (err == 0) {
    guard_put(e, signum);
    atomic_fetch_add(&e->users, 1);
  }
  pthread_mutex_unlock(&guard_mutex);
  return err;
}

/* Leaves a signal as it was without us: C code may watch it still. */
static void guard_let_go(guard_entry *e, int signum) {
  struct sigaction sa;
  uv_signal_stop(&e->watcher);
  e->active = 0;
  weft_guard_signal(signum); /* one-shot watchers of C code are left: libuv has installed its handler anew */
  sigaction(signum, NULL, &sa);
  if (guard_handler_of(&sa) != GUARD_DEFAULT || atomic_load(&e->prev) == GUARD_DEFAULT) return;
  sa = (struct sigaction){.sa_handler = SIG_IGN};
  sigaction(signum, &sa, NULL);
}

/* And when libuv has forgotten it. */
void weft_guard_unwatch(int signum) {
  guard_entry *e = &guard_entries[signum];
  pthread_mutex_lock(&guard_mutex);
  if (atomic_fetch_sub(&e->users, 1) == 1) {
    guard_put(e, signum); /* or libuv would remove what has replaced ours */
    if (!guard_is_function(atomic_load(&e->prev))) guard_let_go(e, signum);
  }
  pthread_mutex_unlock(&guard_mutex);
}

/* Whether a signal has a handler, libuv's apart. */
int weft_guard_handled(int signum) {
  struct sigaction sa;
  if (guard_is_reserved(signum) || sigaction(signum, NULL, &sa) != 0) return 0;
  guard_handler h = guard_handler_of(&sa);
  if (h == GUARD_OURS) h = atomic_load(&guard_entries[signum].prev);
  return guard_is_function(h) && h != atomic_load(&guard_libuv);
}

/* Guards SIGCHLD. */
int weft__guard_children(void) {
  static int counted;
  guard_entry *e = &guard_entries[SIGCHLD];
  pthread_mutex_lock(&guard_mutex);
  int err = guard_start(e, SIGCHLD);
  if (err == 0) {
    guard_put(e, SIGCHLD);
    if (!counted) atomic_fetch_add(&e->users, 1); /* for ever */
    counted = 1;
  }
  pthread_mutex_unlock(&guard_mutex);
  return err;
}

uint32_t weft__guard_ends(void) { return atomic_load(&guard_ends); }

/* Called before each uv_spawn. */
int weft_guard_spawn(void) {
#ifdef __APPLE__ /* kqueue tells libuv of its children: it installs no handler. Untested */
  return 0;
#else
  return weft__guard_children();
#endif
}

static int guard_is_missing(const struct sigaction *sa) {
  return !(sa->sa_flags & SA_ONSTACK) && guard_is_function(guard_handler_of(sa));
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

static void guard_on_pipe(int signum) { (void)signum; }

/* Go's runtime installs its handler for SIGPIPE once, when it is loaded. A host may have put the default action back
 * since, which ends the process at a write to a closed pipe or socket. A handler of its own, or SIG_IGN, will do. */
int weft_guard_pipe(void) {
  struct sigaction sa;
  if (sigaction(SIGPIPE, NULL, &sa) != 0) return -errno;
  if (guard_handler_of(&sa) != GUARD_DEFAULT) return 0;
  sa = (struct sigaction){.sa_handler = guard_on_pipe, .sa_flags = SA_ONSTACK | SA_RESTART};
  return sigaction(SIGPIPE, &sa, NULL) == 0 ? 0 : -errno;
}

/* For a loop that C code runs, and may have run for long: guards its children, past and to come, and puts the handlers
 * that are there on the signal stack. Those for SIGPIPE and the rest are left to whoever wants the signal. */
int weft_guard_install(void) {
  for (int signum = 1; signum < NSIG; signum++) weft_guard_signal(signum); /* some of them nobody may touch */
  return weft_guard_spawn();
}

#endif
