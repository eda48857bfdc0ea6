/* SPDX-License-Identifier: MIT
 *
 * Back-pressure of streams: a slot counts the values that Go has not read. */
#include "internal.h"

static int room_is_back(const weft_slot *slot) { return slot->inside <= slot->room / 2; }

/* The end of a stream answers whoever waits for room, by the loop: what it has to call, NULL for nothing. The lock is
 * held. */
weft_item *weft__slot_room(weft_slot *slot) {
  if (slot->on_room == NULL) return NULL;
  weft_item *item = weft__item_new(0, 0, NULL, 0);
  if (item == NULL) abort();
  item->what = WEFT_ITEM_CALL;
  item->call.back = slot->on_room;
  item->data = slot->on_room_arg;
  slot->on_room = NULL;
  return item;
}

int weft_stream_on_room(uint64_t token, void (*cb)(void *), void *arg) {
  if (cb == NULL) return WEFT_EINVAL;
  weft_slot *slot;
  weft_loop *loop = NULL;
  int wake = 0;
  weft_item *item = weft__item_new(0, 0, NULL, 0);
  if (item == NULL) return WEFT_ENOMEM;
  item->what = WEFT_ITEM_CALL;
  item->call.back = cb;
  item->data = arg;
  weft__token_lock();
  int err = weft__token_find(token, &slot);
  if (err == 0 && slot->room == 0) err = WEFT_ETYPE;
  if (err == 0 && slot->on_room != NULL) err = WEFT_EALREADY;
  if (err == 0 && room_is_back(slot)) {
    loop = slot->loop;
    wake = weft__inbox_add(loop, item);
    if (wake < 0) {
      err = WEFT_ECLOSED;
    } else {
      item = NULL;
    }
  } else if (err == 0) {
    slot->on_room = cb;
    slot->on_room_arg = arg;
  }
  weft__token_unlock();
  free(item);
  if (wake > 0) weft__inbox_wake(loop);
  return err;
}

void weft_stream_read(uint64_t token, uint32_t n) {
  weft_slot *slot;
  void (*cb)(void *) = NULL;
  void *arg = NULL;
  weft__token_lock();
  if (weft__token_find(token, &slot) == 0) {
    slot->inside -= n < slot->inside ? n : slot->inside;
    if (room_is_back(slot)) {
      cb = slot->on_room;
      arg = slot->on_room_arg;
      slot->on_room = NULL;
    }
  }
  weft__token_unlock();
  if (cb != NULL) cb(arg);
}
