/* SPDX-License-Identifier: MIT
 *
 * A loop that somebody else runs. The host calls uv_run; what Go has to do there, it does in prepare and check
 * callbacks of ours: both enter one Go function, and only when there is news. Nothing here blocks, and nothing touches
 * what is the host's: not loop->data, not its handles, no uv_stop.
 *
 * The host's uv_run goes on while the idle handle is active and referenced (news waits), while somebody holds the loop
 * (the inbox's handle is referenced), and while referenced handles or requests of weft's are there, as for any other.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dladdr */
#endif
#include <stdatomic.h>
#include <stdio.h>

#include "internal.h"

struct weft_host {
  weft_host_enter enter;
  uint64_t id;
  uint64_t thread;    /* the one that adopted, and has to run */
  uintptr_t frame;    /* of the last callback whose place on the stack Go has looked at */
  uintptr_t direct;   /* where weft_thread stands when Go calls it from there */
  int by_go;          /* the host's uv_run was called by Go code */
  _Atomic int inside; /* Go is at it */
  int closing;        /* under the inbox's mutex */
  int more;           /* Go has left something to run, for after the next poll, which does not block */
  int open;           /* handles below, and the idle one, that are not closed */
  uintptr_t end;      /* of adoption.c: C waits for it; 0: nobody does */
  weft_loop *next;    /* in adopted */
  uv_prepare_t prepare;
  uv_check_t check;
};

/* The loops that are adopted, so that none is twice. */
static weft_loop *adopted;
static uv_mutex_t adopted_mutex;
static uv_once_t adopted_once = UV_ONCE_INIT;
static uv_async_cb own_copy; /* what this copy of libuv calls when a pool job is done; NULL: it could not be asked */

static void adopted_init(void) {
  if (uv_mutex_init(&adopted_mutex) != 0) abort();
  uv_loop_t probe;
  if (weft__loop_init(&probe) != 0) return;
  own_copy = probe.wq_async.async_cb;
  uv_loop_close(&probe);
}

/* Finds one, and forgets those that are lost: another loop may lie there now. */
static weft_loop *adopted_find(const uv_loop_t *uv) {
  weft_loop **at = &adopted;
  while (*at != NULL) {
    weft_loop *loop = *at;
    if (weft__host_lost(loop)) {
      *at = loop->host->next;
    } else if (loop->uv == uv) {
      return loop;
    } else {
      at = &loop->host->next;
    }
  }
  return NULL;
}

weft_loop *weft_adopted(uv_loop_t *uv) {
  uv_once(&adopted_once, adopted_init);
  uv_mutex_lock(&adopted_mutex);
  weft_loop *loop = adopted_find(uv);
  uv_mutex_unlock(&adopted_mutex);
  return loop;
}

static void adopted_remove(const weft_loop *loop) {
  uv_mutex_lock(&adopted_mutex);
  weft_loop **at = &adopted;
  while (*at != loop) at = &(*at)->host->next;
  *at = loop->host->next;
  uv_mutex_unlock(&adopted_mutex);
}

#ifdef _WIN32
static const char *module_of(void *address) {
  (void)address;
  return "another module";
}
#else
#include <dlfcn.h>

static const char *module_of(void *address) {
  Dl_info info;
  return dladdr(address, &info) != 0 && info.dli_fname != NULL ? info.dli_fname : "no module";
}
#endif

/* A loop remembers functions of the libuv that made it. */
static int check_copy(const uv_loop_t *uv, char *text, size_t len) {
  uv_async_cb theirs = uv->wq_async.async_cb;
  if (own_copy == NULL || theirs == own_copy) return 0;
  snprintf(text, len,
           "the loop was made by another copy of libuv, in %s; weft uses %s, in %s: link both with one, or build with "
           "-tags weft_host when the host provides libuv",
           module_of((void *)theirs), uv_version_string(), module_of((void *)own_copy));
  return UV_ENOTSUP;
}

int weft__host_owns(const weft_loop *loop, const uv_handle_t *uv) {
  return uv == (const uv_handle_t *)&loop->host->prepare || uv == (const uv_handle_t *)&loop->host->check;
}

int weft__host_here(const weft_loop *loop) { return weft_thread_number() == loop->host->thread; }

/* As programs do that close whatever uv_walk finds. Callbacks and libuv's loop are the host's from then on, what we
 * have in memory is never freed: libuv may still have it. Of whoever closes in turn the mutex tells. */
static int host_closes(const weft_loop *loop) { return uv_is_closing((const uv_handle_t *)&loop->inbox.async); }

int weft__host_lost(weft_loop *loop) {
  uv_mutex_lock(&loop->inbox.mutex);
  int lost = loop->host != NULL && !loop->host->closing && host_closes(loop);
  uv_mutex_unlock(&loop->inbox.mutex);
  return lost;
}

int weft_host_lost(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  return weft__host_lost(loop) && !atomic_load(&loop->host->inside);
}

int weft_host_check(const uv_loop_t *uv, char *text, size_t len) {
  text[0] = 0;
  if (uv == NULL) {
    snprintf(text, len, "the loop is NULL");
    return UV_EINVAL;
  }
  uv_once(&adopted_once, adopted_init);
  return check_copy(uv, text, len);
}

/* The thread is, to Go code below, the loop's. Returns whose it was. */
static weft_mark host_enter(const weft_host *host, uintptr_t frame) {
  weft_mark before = weft__thread_mark();
  weft__thread_set(host->id, frame == host->frame ? host->direct : 0);
  return before;
}

/* Between its turns too: Go code that a callback of the host's calls cannot wait there. A thread of Go's goes on to run
 * other goroutines when the host's uv_run has returned: there it is the loop's below this frame only. */
static void host_leave(const weft_host *host, uintptr_t frame, weft_mark before) {
  if (before.id != 0 && before.id != host->id) {
    weft__thread_put(before); /* this uv_run may be inside one of another loop */
  } else {
    weft__thread_outside(host->id, host->by_go ? frame : UINTPTR_MAX);
  }
}

/* What comes before the last release must not be lost with it, though its wake may come after the last poll. So a loop
 * that nobody holds any more has a turn before it is let go. Returns whether the next turn is that. */
static int host_keep(weft_loop *loop) {
  int last = loop->held && !weft__held(loop);
  if (last) {
    weft_loop_news((uintptr_t)loop);
  } else {
    weft__hold_apply(loop);
  }
  return last;
}

/* News that cannot be told now must not keep the host, nor what holds the loop: it may be released in a turn of ours
 * only. The next turn, or whoever holds it on its thread, gives the reference back. */
static void host_refuse(weft_loop *loop, int strange) {
  uv_unref((uv_handle_t *)&loop->inbox.async);
  if (strange) uv_idle_stop(&loop->idle); /* loop->idling stays: the right thread finds it */
  uv_unref((uv_handle_t *)&loop->idle);
}

static void host_turn(weft_loop *loop, int polled) {
  weft_host *host = loop->host;
  if (host_closes(loop)) return;
  int last = host_keep(loop);
  if (!loop->idling || (host->more && !polled)) return;
  int strange = weft_thread_number() != host->thread;
  if (strange) host->enter(WEFT_HOST_STRANGE, host->id, 0);
  if (strange || host->inside) {
    host_refuse(loop, strange);
    return;
  }
  uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
  loop->idling = 0;
  uv_idle_stop(&loop->idle);
  if (last || loop->inbox.here) weft__inbox_read(loop);
  if (host_closes(loop)) return;
  loop->shared.now = uv_now(loop->uv);
  weft_mark before = host_enter(host, frame);
  host->inside = 1;
  uintptr_t left = host->enter(WEFT_HOST_TURN, host->id, frame != host->frame ? frame : 0);
  host->inside = 0;
  host->more = left == WEFT_HOST_MORE;
  host_leave(host, frame, before);
  if (host_closes(loop)) return; /* Go has asked for it, or the host has done it */
  if (left == WEFT_HOST_NESTED) {
    weft_loop_news((uintptr_t)loop);
    host_refuse(loop, 0);
    return;
  }
  weft__loop_drained(loop);
  if (left == WEFT_HOST_MORE || loop->shared.count > 0 || loop->inbox.here) weft_loop_news((uintptr_t)loop);
  weft_loop_submit((uintptr_t)loop);
  if (loop->idling) uv_ref((uv_handle_t *)&loop->idle); /* a uv_run inside may have refused */
  if (last) weft__hold_apply(loop);
  host_keep(loop);
}

static void host_on_prepare(uv_prepare_t *prepare) {
  weft_loop *loop = prepare->data;
  host_turn(loop, 0);
  if (!host_closes(loop)) weft__register(loop);
}

static void host_on_check(uv_check_t *check) {
  weft__process_check(check->data);
  host_turn(check->data, 1);
}

int weft_host_open(uv_loop_t *uv, weft_host_enter enter, uint64_t id, int outside, uintptr_t *out) {
  weft_loop *loop = calloc(1, sizeof(*loop));
  weft_host *host = calloc(1, sizeof(*host));
  int err = loop == NULL || host == NULL ? UV_ENOMEM : 0;
  if (err == 0) {
    loop->uv = uv;
    loop->host = host;
    weft__share_init(loop);
    loop->shared.bytes = sizeof(*loop) + sizeof(*host);
    host->enter = enter;
    host->id = id;
    host->thread = weft_thread_number();
    host->open = 4;
    err = weft_subs_grow((uintptr_t)loop);
  }
  if (err == 0) {
    uv_once(&adopted_once, adopted_init);
    uv_mutex_lock(&adopted_mutex);
    err = adopted_find(uv) != NULL ? UV_EALREADY : weft__inbox_open(loop);
    if (err == 0) {
      host->next = adopted;
      adopted = loop;
    }
    uv_mutex_unlock(&adopted_mutex);
  }
  if (err != 0) {
    if (loop != NULL) free(loop->shared.subs);
    free(loop);
    free(host);
    return err;
  }
  uv_idle_init(uv, &loop->idle); /* these cannot fail */
  uv_prepare_init(uv, &host->prepare);
  uv_check_init(uv, &host->check);
  host->prepare.data = host->check.data = loop->idle.data = loop;
  uv_unref((uv_handle_t *)&host->prepare);
  uv_unref((uv_handle_t *)&host->check);
  uv_prepare_start(&host->prepare, host_on_prepare);
  uv_check_start(&host->check, host_on_check);
  weft_loop_news((uintptr_t)loop);
  if (outside) weft__thread_outside(id, UINTPTR_MAX);
  *out = (uintptr_t)loop;
  return 0;
}

void weft_host_placed(uintptr_t lp, uintptr_t frame, int by_go) {
  weft_host *host = weft__loop(lp)->host;
  host->direct = weft__thread_mark().frame;
  host->frame = frame;
  host->by_go = by_go;
}

static void host_on_close(uv_handle_t *handle) {
  weft_loop *loop = handle->data;
  weft_host *host = loop->host;
  if (--host->open > 0) return;
  adopted_remove(loop);
  if (weft__thread_mark().id == host->id) weft__thread_set(0, 0);
  uintptr_t end = host->end;
  weft_ref(loop);                             /* done may use it */
  host->enter(WEFT_HOST_CLOSED, host->id, 0); /* which lets go of it */
  weft__end(end);                             /* with no Go function on the stack */
  weft_unref(loop);
}

/* Go refuses when it has begun to detach. */
int weft__host_detach(weft_loop *loop, uintptr_t end) {
  weft_host *host = loop->host;
  uintptr_t answer = host->enter(WEFT_HOST_DETACH, host->id, end);
  if (weft__host_lost(loop)) return WEFT_ECLOSED;
  if (answer != WEFT_HOST_DONE) return WEFT_EALREADY;
  host->end = end;
  return 0;
}

uint64_t weft_host_id(uv_loop_t *uv) {
  uv_once(&adopted_once, adopted_init);
  uv_mutex_lock(&adopted_mutex);
  const weft_loop *loop = adopted_find(uv);
  uint64_t id = loop == NULL ? 0 : loop->host->id;
  uv_mutex_unlock(&adopted_mutex);
  return id;
}

int weft_host_close(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  weft_host *host = loop->host;
  if (loop->shared.handles > 0 || loop->shared.requests > 0) return UV_EBUSY;
  weft_inbox_close(lp);
  if (loop->shared.count > loop->shared.drained || loop->shared.handles > 0 || loop->shared.requests > 0) {
    return UV_EBUSY;
  }
  uv_mutex_lock(&loop->inbox.mutex);
  host->closing = !host_closes(loop);
  uv_mutex_unlock(&loop->inbox.mutex);
  if (!host->closing) return UV_EBUSY;
  uv_handle_t *all[] = {(uv_handle_t *)&host->prepare, (uv_handle_t *)&host->check, (uv_handle_t *)&loop->inbox.async,
                        (uv_handle_t *)&loop->idle};
  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) uv_close(all[i], host_on_close);
  return 0;
}

void weft_host_free(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  free(loop->host);
  loop->host = NULL;
  weft__loop_free(loop);
}
