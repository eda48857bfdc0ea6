/* SPDX-License-Identifier: MIT */
#include "internal.h"

static uv_signal_t *signal_of(uintptr_t handle) { return (uv_signal_t *)weft__uv(handle); }

int weft_signal_new(uintptr_t lp, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  *handle = weft__handle_new(loop, UV_SIGNAL, 0);
  if (*handle == 0) return UV_ENOMEM;
  int err = uv_signal_init(loop->uv, signal_of(*handle));
  if (err != 0) weft__handle_drop(*handle);
  return err;
}

void weft_signal_stop(uintptr_t handle) {
  uv_signal_t *s = signal_of(handle);
  int signum = s->signum;
  if (signum == 0) return;
  uv_signal_stop(s);
  weft_guard_unwatch(signum);
}

static void signal_on_signal(uv_signal_t *s, int signum) {
  weft_handle *h = weft__of_handle(s);
  weft__record(h->loop, (weft_record){.token = h->token, .value = signum});
}

/* uv_signal_start_oneshot does the same, but libuv never forgets it: each later start of that handle would be for one
 * signal. */
static void signal_on_one(uv_signal_t *s, int signum) {
  signal_on_signal(s, signum);
  weft_signal_stop((uintptr_t)weft__of_handle(s));
}

int weft_signal_start(uintptr_t handle, int signum, int oneshot, uint64_t token) {
  uv_signal_t *s = signal_of(handle);
  int before = s->signum;
  int err = weft_guard_watch(signum);
  if (err != 0) return err;
  if (before != 0 && before != signum) weft_signal_stop(handle);
  err = uv_signal_start(s, oneshot ? signal_on_one : signal_on_signal, signum);
  if (err != 0 || before == signum) weft_guard_unwatch(signum); /* it was counted already */
  if (err == 0) weft__of_handle(s)->token = token;
  return err;
}
