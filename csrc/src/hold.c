/* SPDX-License-Identifier: MIT
 *
 * What keeps a loop running though it has nothing to do. Any thread counts; libuv's reference, of the inbox's handle,
 * is taken and given back on the loop's thread only. Go's holds are counted apart, so that a release too many of C's
 * is found out. Both counts stand under the inbox's mutex: once that is closed there is no loop to look for. */
#include <stdatomic.h>

#include "internal.h"

int weft__held(const weft_loop *loop) { return atomic_load(&loop->holds) > 0 || atomic_load(&loop->kept) > 0; }

/* Makes libuv's reference what the counts say, also where a uv_run was refused. Loop thread. */
void weft__hold_apply(weft_loop *loop) {
  loop->held = weft__held(loop);
  if (loop->held) {
    uv_ref((uv_handle_t *)&loop->inbox.async);
  } else {
    uv_unref((uv_handle_t *)&loop->inbox.async);
  }
}

/* What was held is not any more, when a loop of ours closes. Loop thread. */
void weft__hold_end(weft_loop *loop) {
  atomic_store(&loop->holds, 0);
  atomic_store(&loop->kept, 0);
  weft__hold_apply(loop);
}

static int hold_count(weft_loop *loop, _Atomic int *count, int by) {
  weft_inbox *in = &loop->inbox;
  uv_mutex_lock(&in->mutex);
  int err = weft__inbox_shut(loop) ? WEFT_ECLOSED : atomic_load(count) + by < 0 ? WEFT_ENOTHELD : 0;
  int here = err == 0 && by > 0 && loop->host != NULL && weft__host_here(loop);
  if (err == 0) {
    atomic_fetch_add(count, by);
    if (!weft__held(loop)) {
      in->released = 1;
      uv_async_send(&in->async); /* it may sleep only because it was held */
    }
  }
  uv_mutex_unlock(&in->mutex);
  if (here) weft__hold_apply(loop); /* a uv_run that begins now with nothing else would look at no count */
  return err;
}

static int hold_of_c(weft_loop *loop, int by) {
  if (loop == NULL) return WEFT_EINVAL;
  if (loop->shared.owner != weft__token_owner()) return WEFT_EFOREIGN;
  return hold_count(loop, &loop->holds, by);
}

int weft_hold(weft_loop *loop) { return hold_of_c(loop, 1); }

int weft_release(weft_loop *loop) { return hold_of_c(loop, -1); }

int weft_keep(uintptr_t lp, int by) { return hold_count(weft__loop(lp), &weft__loop(lp)->kept, by); }

int weft_held(uintptr_t lp) { return weft__held(weft__loop(lp)); }
