/* SPDX-License-Identifier: MIT */
#include <signal.h>

#include "internal.h"

#ifndef _WIN32
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#endif

enum { ARENA_KEPT = 256 * 1024 }; /* a busy turn's sends fit in that */

const char *weft_version(void) { return WEFT_VERSION; }

uint64_t weft_engine(void) { return WEFT_ENGINE; }

uv_loop_t *weft_uv_loop(weft_loop *loop) {
  return loop != NULL && loop->shared.owner == weft__token_owner() ? loop->uv : NULL;
}

weft_shared *weft_loop_shared(uintptr_t loop) { return &weft__loop(loop)->shared; }

#ifdef _WIN32
static void loop_lock(void) {}

static void loop_unlock(void) {}
#else
static pthread_mutex_t loop_mutex = PTHREAD_MUTEX_INITIALIZER;

static void loop_lock(void) { pthread_mutex_lock(&loop_mutex); }

static void loop_unlock(void) { pthread_mutex_unlock(&loop_mutex); }
#endif

/* Returns 0 when there are as many descriptors as a loop needs. */
static int loop_try_descriptors(void) {
  int err = 0;
#ifndef _WIN32
  enum { NEEDED = 8 }; /* of its poll, its wake-up and its signals, and of the process's signals */
  int copies[NEEDED], n = 0;
  for (; n < NEEDED && err == 0; n += err == 0) {
    copies[n] = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (copies[n] < 0) err = uv_translate_sys_error(errno);
  }
  while (n > 0) close(copies[--n]);
#endif
  return err;
}

/* Without descriptors libuv aborts when the loop is the process's first one, and leaks the one of the poll otherwise.
 * One loop at a time: what one has found free another one does not take. */
int weft__loop_init(uv_loop_t *uv) {
  loop_lock();
  weft__standard_fill();
  int err = loop_try_descriptors();
  if (err == 0) err = uv_loop_init(uv);
  loop_unlock();
  return err;
}

int weft_loop_new(uintptr_t *out) {
  weft_loop *loop = calloc(1, sizeof(*loop));
  if (loop == NULL) return UV_ENOMEM;
  loop->shared.bytes = sizeof(*loop);
  loop->uv = &loop->own;
  weft__share_init(loop);
  int err = weft__loop_init(loop->uv);
  if (err == 0) {
    err = weft__register_ask(loop->uv);
    if (err == 0) err = weft__inbox_open(loop);
    if (err != 0) uv_loop_close(loop->uv);
  }
  if (err != 0) {
    free(loop);
    return err;
  }
  uv_idle_init(loop->uv, &loop->idle); /* cannot fail */
  uv_unref((uv_handle_t *)&loop->idle);
  weft__register_open(loop);
  err = weft_subs_grow((uintptr_t)loop);
  if (err != 0) weft_loop_close((uintptr_t)loop);
  *out = (uintptr_t)loop;
  return err;
}

int weft_subs_grow(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  weft_shared *s = &loop->shared;
  uint32_t cap = s->subs_cap == 0 ? 64 : s->subs_cap * 2;
  size_t size = sizeof(weft_sub);
  weft_sub *grown = weft__realloc(loop, s->subs, s->subs_cap * size, cap * size);
  if (grown == NULL) return UV_ENOMEM;
  s->subs = grown;
  s->subs_cap = cap;
  return 0;
}

int weft_arena_grow(uintptr_t lp, uint64_t more) {
  weft_loop *loop = weft__loop(lp);
  weft_shared *s = &loop->shared;
  uint64_t cap = s->arena_cap == 0 ? ARENA_KEPT : s->arena_cap;
  while (cap - s->arena_used < more) cap *= 2;
  char *grown = weft__realloc(loop, s->arena, s->arena_cap, cap);
  if (grown == NULL) return UV_ENOMEM;
  s->arena = grown;
  s->arena_cap = cap;
  return 0;
}

/* What was in the arena has left, or was copied. */
static void arena_reset(weft_loop *loop) {
  weft_shared *s = &loop->shared;
  s->arena_used = 0;
  if (s->arena_cap <= ARENA_KEPT) return;
  weft__free(loop, s->arena, s->arena_cap);
  s->arena = NULL;
  s->arena_cap = 0;
}

/* Does what Go has asked for since the last turn. */
void weft_loop_submit(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  weft_shared *s = &loop->shared;
  uint32_t n = s->nsubs;
  int timers = 0;
  s->nsubs = 0;
  for (uint32_t i = 0; i < n;) {
    const weft_sub *sub = &s->subs[i];
    uint32_t done = 1;
    switch (sub->op) {
      case WEFT_WRITE:
      case WEFT_SEND:
        done = weft__stream_write(loop, sub, n - i);
        break;
      case WEFT_READ_START:
        weft__stream_read_start(loop, sub);
        break;
      case WEFT_READ_STOP:
        weft__stream_read_stop(sub);
        break;
      case WEFT_UDP_SEND:
        done = weft__udp_send(loop, sub, n - i);
        break;
      case WEFT_SHUTDOWN:
        weft__stream_shutdown(loop, sub);
        break;
      case WEFT_TIMER_START: /* the loop's time is from before whoever asked for it: the timer would fire that early */
        if (timers++ == 0) uv_update_time(loop->uv);
        weft__timer_start(sub);
        break;
      case WEFT_TIMER_STOP:
        weft__timer_stop(sub);
        break;
      case WEFT_CLOSE:
      case WEFT_CLOSE_RESET:
        weft__handle_close(loop, sub);
        break;
    }
    i += done;
  }
  arena_reset(loop);
}

/* The next poll may block again. */
static void loop_no_news(weft_loop *loop) {
  if (!loop->idling) return;
  loop->idling = 0;
  uv_idle_stop(&loop->idle);
}

/* Forgets the records that Go has drained. What a panic has left undrained stays, and so does the memory it points to.
 */
void weft__loop_drained(weft_loop *loop) {
  weft_shared *s = &loop->shared;
  uint32_t left = s->count - s->drained;
  if (left == 0) {
    loop_no_news(loop);
    weft__slab_reset(loop);
  } else {
    memmove(s->records, s->records + s->drained, left * sizeof(weft_record));
  }
  s->count = left;
  s->drained = 0;
  weft__share_turn(loop);
}

int weft_turn(uintptr_t lp, int mode) {
  weft_loop *loop = weft__loop(lp);
  weft__loop_drained(loop);
  if (loop->shared.count > 0) mode = UV_RUN_NOWAIT;
  weft_loop_submit(lp);
  weft__hold_apply(loop);
  loop->shared.alive = uv_run(loop->uv, (uv_run_mode)mode);
  weft__process_check(loop);
  if (!loop->shared.alive) weft__inbox_read(loop); /* for then it may not have polled */
  loop_no_news(loop);
  loop->shared.full = loop->eager > 0;
  loop->shared.now = uv_now(loop->uv);
  return (int)loop->shared.count;
}

int weft_loop_alive(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  weft__hold_apply(loop);
  return uv_loop_alive(loop->uv);
}

void weft_loop_stop(uintptr_t loop) { uv_stop(weft__loop(loop)->uv); }

int weft_loop_backend_fd(uintptr_t loop) { return uv_backend_fd(weft__loop(loop)->uv); }

int weft_loop_backend_timeout(uintptr_t loop) { return uv_backend_timeout(weft__loop(loop)->uv); }

int weft_loop_configure(uintptr_t lp, int option) {
  weft_loop *loop = weft__loop(lp);
  switch (option) {
    case WEFT_BLOCK_SIGPROF:
#ifdef SIGPROF
      return uv_loop_configure(loop->uv, UV_LOOP_BLOCK_SIGNAL, SIGPROF);
#else
      return UV_ENOTSUP;
#endif
    case WEFT_IDLE_TIME:
      return uv_loop_configure(loop->uv, UV_METRICS_IDLE_TIME);
    case WEFT_IO_URING_SQPOLL:
      return weft__loop_sqpoll(loop);
  }
  return UV_EINVAL;
}

void weft_loop_update_time(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  uv_update_time(loop->uv);
  loop->shared.now = uv_now(loop->uv);
}

void weft__loop_free(weft_loop *loop) {
  while (weft__spare_give(loop)) {
  }
  weft__slab_free(loop);
  weft__free(loop, loop->shared.records, loop->records_cap * sizeof(weft_record));
  weft__free(loop, loop->shared.subs, loop->shared.subs_cap * sizeof(weft_sub));
  weft__free(loop, loop->shared.arena, loop->shared.arena_cap);
  weft_unref(loop);
}

typedef struct {
  const weft_loop *loop;
  int n;
} loop_others;

static void loop_count(uv_handle_t *uv, void *arg) {
  loop_others *others = arg;
  if (!weft__loop_owns(others->loop, uv)) others->n++;
}

/* The handles that each loop has for itself. */
int weft__loop_owns(const weft_loop *loop, const uv_handle_t *uv) {
  if (loop->host != NULL && weft__host_owns(loop, uv)) return 1;
  if (weft__register_owns(loop, uv)) return 1;
  return uv == (const uv_handle_t *)&loop->idle || uv == (const uv_handle_t *)&loop->inbox.async;
}

int weft_loop_busy(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  if (loop->shared.handles > 0 || loop->shared.requests > 0) return 1;
  loop_others others = {.loop = loop};
  uv_walk(loop->uv, loop_count, &others);
  if (loop->held) uv_unref((uv_handle_t *)&loop->inbox.async); /* holds do not keep a loop from being closed */
  int alive = uv_loop_alive(loop->uv);
  if (loop->held) uv_ref((uv_handle_t *)&loop->inbox.async);
  return others.n > 0 || alive;
}

/* Fails with UV_EBUSY, and changes nothing, while handles or requests are left, somebody else's included. It fails
 * likewise, with the inbox closed, when there are records of the last that came in, to be drained, or a function that
 * was posted has begun something. */
int weft_loop_close(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  if (weft_loop_busy(lp)) return UV_EBUSY;
  weft_inbox_close(lp);
  if (loop->shared.count > loop->shared.drained || weft_loop_busy(lp)) return UV_EBUSY;
  uv_close((uv_handle_t *)&loop->idle, NULL);
  weft__register_close(loop);
  uv_close((uv_handle_t *)&loop->inbox.async, NULL);
  while (uv_loop_close(loop->uv) != 0) uv_run(loop->uv, UV_RUN_NOWAIT);
  weft__loop_free(loop);
  return 0;
}
