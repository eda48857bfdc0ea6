/* SPDX-License-Identifier: MIT
 *
 * Children that run on when their handle is closed. libuv forgets them, and they would stay as zombies when they end:
 * the guard's handler of SIGCHLD waits for them instead. A loop need not be there any more by then. */
#include "internal.h"

#ifdef _WIN32

void weft__reap_adopt(int pid) { (void)pid; }

void weft__reap(void) {}

#else

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { REAP_BLOCK = 64 };

/* The handler walks these: they are never freed, and a slot of 0 is free. */
typedef struct reap_block {
  _Atomic int pids[REAP_BLOCK];
  struct reap_block *next;
} reap_block;

static _Atomic(reap_block *) reap_blocks;
static _Atomic int reap_wanted; /* calls since the one that is at work began to look */
static pthread_mutex_t reap_mutex = PTHREAD_MUTEX_INITIALIZER;

static void reap_one(_Atomic int *slot) {
  int pid = atomic_load(slot);
  if (pid == 0) return;
  int r;
  do r = waitpid(pid, NULL, WNOHANG);
  while (r < 0 && errno == EINTR);
  if (r != 0) atomic_store(slot, 0); /* it has ended, or somebody else has waited for it */
}

/* Waits for those that have ended. In a signal handler too, on any number of threads: one of them works, and looks
 * again for the others, who go on. So a slot is never waited for twice, when the number may be that of another child by
 * then. */
void weft__reap(void) {
  if (atomic_load(&reap_blocks) == NULL || atomic_fetch_add(&reap_wanted, 1) > 0) return;
  int seen;
  do {
    seen = atomic_load(&reap_wanted);
    for (reap_block *b = atomic_load(&reap_blocks); b != NULL; b = b->next) {
      for (int i = 0; i < REAP_BLOCK; i++) reap_one(&b->pids[i]);
    }
  } while (!atomic_compare_exchange_strong(&reap_wanted, &seen, 0));
}

static _Atomic int *reap_slot(void) {
  reap_block *first = atomic_load(&reap_blocks);
  for (reap_block *b = first; b != NULL; b = b->next) {
    for (int i = 0; i < REAP_BLOCK; i++) {
      if (atomic_load(&b->pids[i]) == 0) return &b->pids[i];
    }
  }
  reap_block *b = calloc(1, sizeof(*b)); /* a few, for the life of the process: no loop's */
  if (b == NULL) return NULL;
  b->next = first;
  atomic_store(&reap_blocks, b);
  return &b->pids[0];
}

/* Takes over a child that nobody has waited for. It may have ended already. */
void weft__reap_adopt(int pid) {
  weft__guard_children(); /* where libuv does not need that it is not done yet */
  pthread_mutex_lock(&reap_mutex);
  _Atomic int *slot = reap_slot();
  if (slot != NULL) atomic_store(slot, pid);
  pthread_mutex_unlock(&reap_mutex);
  weft__reap();
}

#endif
