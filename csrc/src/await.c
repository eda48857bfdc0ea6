/* SPDX-License-Identifier: MIT
 *
 * Go promises that C waits for: tokens the other way round. */
#include "internal.h"

/* What an item's cb is told. */
void weft__item_await(weft_item *item, const weft_slot *slot, int status) {
  item->what = WEFT_ITEM_AWAIT;
  item->call.await = slot->await;
  item->arg = slot->await_arg;
  if (status == 0) return;
  item->status = status;
  item->data = (void *)weft_strerror(status); /* only codes of ours: a constant */
}

int weft_await(uint64_t promise, weft_await_cb cb, void *arg) {
  if (cb == NULL) return WEFT_EINVAL;
  weft_slot *slot;
  weft_loop *loop = NULL;
  int wake = 0;
  weft__token_lock();
  int err = weft__token_find(promise, &slot);
  if (err == 0 && slot->type != WEFT_TYPE_PROMISE) err = WEFT_ETYPE;
  if (err == 0 && slot->await != NULL) err = WEFT_EALREADY;
  if (err == 0) {
    slot->await = cb;
    slot->await_arg = arg;
    if (slot->outcome != NULL) {
      loop = slot->loop;
      weft__item_await(slot->outcome, slot, 0);
      slot->outcome->token = promise;
      wake = weft__inbox_add(loop, slot->outcome);
      if (wake < 0) {
        weft_item_drop(slot->outcome); /* bytes or a text: drop runs nothing */
        err = WEFT_ECLOSED;
      }
      slot->outcome = NULL;
      weft__token_end(slot, wake < 0 ? WEFT_ECLOSED : WEFT_EALREADY);
    }
  }
  weft__token_unlock();
  if (wake > 0) weft__inbox_wake(loop);
  return err;
}

int weft_promise_settle(uint64_t promise, int status, int64_t value, const void *bytes, size_t len) {
  weft_item *item = weft__item_new(0, 0, bytes, len);
  if (item == NULL) return WEFT_ENOMEM;
  item->status = status;
  if (bytes == NULL) item->value = value;
  if (status < 0) item->value = 0;
  weft_slot *slot;
  weft__token_lock();
  int err = weft__token_find(promise, &slot);
  int call = err == 0 && slot->await != NULL;
  if (call) {
    weft__item_await(item, slot, 0);
    weft__token_end(slot, WEFT_EALREADY);
  } else if (err == 0) {
    slot->outcome = item;
    item = NULL;
  }
  weft__token_unlock();
  if (call) item->call.await(item->arg, item->status, item->value, item->data);
  free(item);
  return call ? 1 : err;
}
