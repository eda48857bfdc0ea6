/* SPDX-License-Identifier: MIT
 *
 * What other threads send to a loop: a list under a mutex, and an async handle that is sent when the list was empty.
 * Once the inbox is closed, under that mutex, no send is under way and none begins: libuv may close the handle. */
#include <stdatomic.h>

#include "internal.h"

static void inbox_on_wake(uv_async_t *async);

int weft__inbox_open(weft_loop *loop) {
  weft_inbox *in = &loop->inbox;
  loop->shared.owner = weft__token_owner();
  atomic_init(&loop->refs, 1);
  int err = uv_mutex_init(&in->mutex);
  if (err != 0) return err;
  err = uv_async_init(loop->uv, &in->async, inbox_on_wake);
  if (err != 0) {
    uv_mutex_destroy(&in->mutex);
    return err;
  }
  in->async.data = loop;
  in->last = &in->first;
  uv_unref((uv_handle_t *)&in->async);
  return 0;
}

void weft_ref(weft_loop *loop) {
  if (loop == NULL || loop->shared.owner != weft__token_owner()) return;
  atomic_fetch_add_explicit(&loop->refs, 1, memory_order_relaxed);
}

void weft_unref(weft_loop *loop) {
  if (loop == NULL || loop->shared.owner != weft__token_owner()) return;
  if (atomic_fetch_sub_explicit(&loop->refs, 1, memory_order_acq_rel) > 1) return;
  uv_mutex_destroy(&loop->inbox.mutex);
  free(loop);
}

/* Appends, with the mutex held. */
static void inbox_append(weft_inbox *in, weft_item *items) {
  *in->last = items;
  while (*in->last != NULL) in->last = &(*in->last)->next;
}

/* A host may have closed the handle, which is not its own: then it must not be touched, nor libuv's loop. */
int weft__inbox_shut(const weft_loop *loop) {
  const weft_inbox *in = &loop->inbox;
  return in->closed || (loop->host != NULL && uv_is_closing((const uv_handle_t *)&in->async));
}

static int inbox_is_here(const weft_loop *loop) { return loop->host != NULL && weft__host_here(loop); }

/* Adds an item and those that hang on it. Returns whether the caller has to call weft__inbox_wake; -1, and does
 * nothing, when the inbox is closed. Until that call the loop is referenced: what was added may be what ends it, before
 * it is woken for that. */
int weft__inbox_add(weft_loop *loop, weft_item *item) {
  weft_inbox *in = &loop->inbox;
  uv_mutex_lock(&in->mutex);
  int wake = weft__inbox_shut(loop) ? -1 : in->first == NULL || inbox_is_here(loop);
  if (wake >= 0) inbox_append(in, item);
  if (wake > 0) weft_ref(loop);
  uv_mutex_unlock(&in->mutex);
  return wake;
}

void weft__inbox_wake(weft_loop *loop) {
  weft_inbox *in = &loop->inbox;
  uv_mutex_lock(&in->mutex);
  int open = !weft__inbox_shut(loop);
  int here = open && inbox_is_here(loop);
  if (open) uv_async_send(&in->async);
  if (here) in->here = 1;
  uv_mutex_unlock(&in->mutex);
  if (here) weft_loop_news((uintptr_t)loop); /* a run that nothing else keeps would end before its poll */
  weft_unref(loop);
}

/* A loop of ours is told: a host's ends by itself, after a turn. */
static void inbox_released(weft_loop *loop) {
  if (loop->host != NULL) return;
  weft__hold_apply(loop);
  weft__record(loop, (weft_record){.kind = WEFT_VALUE});
}

static weft_item *inbox_take(weft_loop *loop, int close) {
  weft_inbox *in = &loop->inbox;
  uv_mutex_lock(&in->mutex);
  weft_item *items = in->first;
  int released = in->released;
  in->first = NULL;
  in->last = &in->first;
  in->released = in->here = 0;
  if (close) in->closed = 1;
  uv_mutex_unlock(&in->mutex);
  if (released && !close) inbox_released(loop);
  return items;
}

/* Values become records; what is for C is called here. */
static void inbox_deliver(weft_loop *loop, weft_item *item) {
  switch (item->what) {
    case WEFT_ITEM_POST:
      item->call.post(loop, item->data);
      break;
    case WEFT_ITEM_CALL:
      item->call.back(item->data);
      break;
    case WEFT_ITEM_AWAIT:
      item->call.await(item->arg, item->status, item->value, item->data);
      if (item->token != 0) {
        weft__record(loop, (weft_record){.token = item->token, .kind = WEFT_VALUE, .aux = WEFT_TYPE_PROMISE});
      }
      break;
    default: {
      weft_record r = {.token = item->token, .value = item->value, .status = item->status, .kind = WEFT_VALUE};
      r.aux = item->type;
      if (item->data != NULL) {
        r.data = item; /* Go frees it */
        weft__record(loop, r);
        return;
      }
      weft__record(loop, r);
    }
  }
  free(item);
}

static void inbox_deliver_all(weft_loop *loop, weft_item *items) {
  while (items != NULL) {
    weft_item *next = items->next;
    inbox_deliver(loop, items);
    items = next;
  }
}

void weft__inbox_read(weft_loop *loop) { inbox_deliver_all(loop, inbox_take(loop, 0)); }

static void inbox_on_wake(uv_async_t *async) { weft__inbox_read(async->data); }

/* Nothing comes in any more, and no token leads here; what had come in is delivered. */
void weft_inbox_close(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  if (loop->inbox.closed) return; /* only this thread sets it */
  weft_item *ended = weft__token_end_all(loop);
  inbox_deliver_all(loop, inbox_take(loop, 1));
  if (loop->host == NULL) weft__hold_end(loop); /* while a host's loop is detached its holds keep it */
  inbox_deliver_all(loop, ended);
}

int weft_post(weft_loop *loop, void (*fn)(weft_loop *loop, void *arg), void *arg) {
  if (loop == NULL || fn == NULL) return WEFT_EINVAL;
  if (loop->shared.owner != weft__token_owner()) return WEFT_EFOREIGN;
  weft_item *item = malloc(sizeof(*item));
  if (item == NULL) return WEFT_ENOMEM;
  *item = (weft_item){.what = WEFT_ITEM_POST, .data = arg, .call.post = fn};
  int wake = weft__inbox_add(loop, item);
  if (wake < 0) {
    free(item);
    return WEFT_ECLOSED;
  }
  if (wake) weft__inbox_wake(loop);
  return 0;
}
