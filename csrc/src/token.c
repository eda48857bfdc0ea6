/* SPDX-License-Identifier: MIT
 *
 * The tokens of the process: a table of slots under one mutex, which outlives all loops. A token is the tag of this
 * table, the generation of a slot, and its number. A slot that was given up says for a while how its token ended: it is
 * taken again only after TOKEN_KEPT others. Before its generations begin anew it is given up for good.
 *
 * Lock order: the table, then an inbox. Users' functions are called with neither held. */
#include "internal.h"

enum { TOKEN_SLOT_BITS = 24, TOKEN_KEPT = 256, TOKEN_NONE = -1 };
enum { TOKEN_MASK = (1 << TOKEN_SLOT_BITS) - 1 };

static struct {
  uv_mutex_t mutex;
  weft_slot *slots;
  uint32_t n;
  uint32_t cap;
  uint64_t tag;  /* of this table, in the upper 16 bits of a token; not 0 */
  uint32_t seed; /* the first generation of each slot: a foreign token with our tag by chance finds another one */
  int32_t oldest;
  int32_t newest;
  uint32_t kept; /* slots from oldest to newest */
  weft_token_counts counts;
} token_table;

static uv_once_t token_once = UV_ONCE_INIT;

static void token_init(void) {
  if (uv_mutex_init(&token_table.mutex) != 0) abort();
  token_table.oldest = token_table.newest = TOKEN_NONE;
  uint64_t random = 0;
  if (uv_random(NULL, NULL, &random, sizeof(random), 0, NULL) != 0) random = uv_hrtime() ^ (uintptr_t)&token_table >> 4;
  token_table.tag = (random & 0xffff) | 1;
  token_table.seed = random >> 16 & TOKEN_MASK;
}

void weft__token_lock(void) {
  uv_once(&token_once, token_init);
  uv_mutex_lock(&token_table.mutex);
}

void weft__token_unlock(void) { uv_mutex_unlock(&token_table.mutex); }

uint64_t weft__token_owner(void) { return (uintptr_t)&token_table; }

/* Takes a slot, NULL when there is no memory for one. */
static weft_slot *token_slot(void) {
  if (token_table.kept > TOKEN_KEPT || (token_table.n > TOKEN_MASK && token_table.kept > 0)) {
    weft_slot *slot = &token_table.slots[token_table.oldest];
    token_table.oldest = slot->next;
    if (--token_table.kept == 0) token_table.newest = TOKEN_NONE;
    slot->generation = (slot->generation + 1) & TOKEN_MASK;
    return slot;
  }
  if (token_table.n > TOKEN_MASK) return NULL;
  if (token_table.n == token_table.cap) {
    uint32_t cap = token_table.cap == 0 ? 64 : token_table.cap * 2;
    weft_slot *grown = realloc(token_table.slots, cap * sizeof(*grown));
    if (grown == NULL) return NULL;
    token_table.slots = grown;
    token_table.cap = cap;
  }
  weft_slot *slot = &token_table.slots[token_table.n++];
  slot->generation = token_table.seed;
  return slot;
}

static int32_t token_index(const weft_slot *slot) { return (int32_t)(slot - token_table.slots); }

static uint64_t token_of(const weft_slot *slot) {
  return token_table.tag << 48 | (uint64_t)slot->generation << TOKEN_SLOT_BITS | (uint32_t)token_index(slot);
}

uint64_t weft_token_new(uintptr_t lp, int type, uint32_t room) {
  weft_loop *loop = weft__loop(lp);
  uint64_t token = 0;
  weft__token_lock();
  weft_slot *slot = loop->tokens_closed || weft__host_lost(loop) ? NULL : token_slot();
  if (slot != NULL) {
    *slot = (weft_slot){.generation = slot->generation, .loop = loop, .type = (int16_t)type, .room = room};
    slot->prev = TOKEN_NONE;
    slot->next = loop->tokens_first - 1;
    if (slot->next != TOKEN_NONE) token_table.slots[slot->next].prev = token_index(slot);
    loop->tokens_first = token_index(slot) + 1;
    token_table.counts.made++;
    token = token_of(slot);
  }
  weft__token_unlock();
  return token;
}

/* The slot of a token that is open; else how it ended. The lock is held. */
int weft__token_find(uint64_t token, weft_slot **out) {
  uint32_t i = token & TOKEN_MASK;
  if (token == 0) return WEFT_ESTALE;
  if (token >> 48 != token_table.tag) return WEFT_EFOREIGN;
  if (i >= token_table.n || token_table.slots[i].generation != (token >> TOKEN_SLOT_BITS & TOKEN_MASK))
    return WEFT_ESTALE;
  *out = &token_table.slots[i];
  return token_table.slots[i].ended;
}

/* Puts a slot that has ended behind those to take again. */
static void token_give_up(weft_slot *slot) {
  slot->next = TOKEN_NONE;
  if (((slot->generation + 1) & TOKEN_MASK) == token_table.seed) return; /* all of its generations are used up */
  int32_t i = token_index(slot);
  if (token_table.newest == TOKEN_NONE) {
    token_table.oldest = i;
  } else {
    token_table.slots[token_table.newest].next = i;
  }
  token_table.newest = i;
  token_table.kept++;
}

/* Ends a token, for the reason that whoever uses it from now on is told. The lock is held. */
void weft__token_end(weft_slot *slot, int reason) {
  weft_loop *loop = slot->loop;
  if (slot->prev == TOKEN_NONE) {
    loop->tokens_first = slot->next + 1;
  } else {
    token_table.slots[slot->prev].next = slot->next;
  }
  if (slot->next != TOKEN_NONE) token_table.slots[slot->next].prev = slot->prev;
  slot->loop = NULL;
  slot->ended = reason;
  switch (reason) {
    case WEFT_EALREADY:
      token_table.counts.settled++;
      break;
    case WEFT_ECANCELED:
      token_table.counts.cancelled++;
      break;
    default:
      token_table.counts.closed++;
  }
  token_give_up(slot);
}

uint64_t weft_token_dead(int reason) {
  uint64_t token = 0;
  weft__token_lock();
  weft_slot *slot = token_slot();
  if (slot != NULL) {
    *slot = (weft_slot){.generation = slot->generation, .ended = reason};
    token = token_of(slot);
    token_give_up(slot);
  }
  weft__token_unlock();
  return token;
}

void weft_token_count(weft_token_counts *counts) {
  weft__token_lock();
  *counts = token_table.counts;
  weft__token_unlock();
}

weft_item *weft__item_new(uint64_t token, int type, const void *bytes, size_t len) {
  weft_item *item = malloc(sizeof(*item) + len + 1);
  if (item == NULL) return NULL;
  *item = (weft_item){.what = WEFT_ITEM_VALUE, .token = token, .type = (int16_t)type};
  if (bytes == NULL) return item;
  item->data = item + 1;
  item->value = (int64_t)len;
  memcpy(item->data, bytes, len);
  ((char *)item->data)[len] = 0;
  return item;
}

void weft_item_free(weft_item *item) { free(item); }

void weft_item_drop(weft_item *item) {
  if (item->drop != NULL && item->data != NULL) item->drop(item->data);
  free(item);
}

void weft_drop(void (*drop)(void *p), void *p) { drop(p); }

/* Whether a token takes this. */
static int token_takes(const weft_slot *slot, int type, int push) {
  if (slot->type == WEFT_TYPE_PROMISE) return 0;
  int stream = slot->room > 0;
  if (type == WEFT_TYPE_ERROR) return 1;
  if (type == WEFT_TYPE_END) return stream;
  return type == slot->type && stream == push;
}

/* Sends item to the token's loop. Whatever it returns, the item is no longer the caller's; but after WEFT_FULL its
 * pointer is. */
static int token_put(uint64_t token, weft_item *item, int push) {
  if (item == NULL) return WEFT_ENOMEM;
  int wake = 0;
  weft_slot *slot;
  weft_loop *loop = NULL;
  weft__token_lock();
  int err = weft__token_find(token, &slot);
  if (err == 0 && !token_takes(slot, item->type, push)) err = WEFT_ETYPE;
  if (err == 0 && push && slot->inside == slot->room) err = WEFT_FULL;
  if (err == 0) {
    loop = slot->loop;
    if (!push) item->next = weft__slot_room(slot); /* together: one wake is for both */
    weft_item *room = item->next;
    wake = weft__inbox_add(loop, item); /* within the lock: what a stream gets after its end is an error */
    if (wake < 0) {
      err = WEFT_ECLOSED;
      free(room);
      weft__token_end(slot, err);
    } else if (push) {
      slot->inside++;
    } else {
      weft__token_end(slot, WEFT_EALREADY);
    }
  } else {
    token_table.counts.refused++;
  }
  weft__token_unlock();
  if (err == WEFT_FULL) {
    free(item);
  } else if (err != 0) {
    weft_item_drop(item);
  } else if (wake > 0) {
    weft__inbox_wake(loop);
  }
  return err;
}

static int token_put_pointer(uint64_t token, void *p, void (*drop)(void *), int push) {
  weft_item *item = weft__item_new(token, WEFT_TYPE_POINTER, NULL, 0);
  if (item == NULL) {
    if (drop != NULL && p != NULL && !push) drop(p);
    return push ? WEFT_FULL : WEFT_ENOMEM;
  }
  item->data = p;
  item->drop = drop;
  return token_put(token, item, push);
}

static int token_put_int(uint64_t token, int64_t value, int push) {
  weft_item *item = weft__item_new(token, WEFT_TYPE_INT, NULL, 0);
  if (item != NULL) item->value = value;
  return token_put(token, item, push);
}

/* No object is longer than PTRDIFF_MAX, and neither is an item with its bytes. */
static const size_t token_bytes_max = PTRDIFF_MAX - sizeof(weft_item) - 1;

static int token_put_bytes(uint64_t token, const void *bytes, size_t len, int push) {
  if (len > token_bytes_max || (bytes == NULL && len > 0)) return WEFT_EINVAL;
  return token_put(token, weft__item_new(token, WEFT_TYPE_BYTES, bytes == NULL ? "" : bytes, len), push);
}

int weft_resolve_i(uint64_t token, int64_t value) { return token_put_int(token, value, 0); }

int weft_resolve_p(uint64_t token, void *p, void (*drop)(void *)) { return token_put_pointer(token, p, drop, 0); }

int weft_resolve_b(uint64_t token, const void *bytes, size_t len) { return token_put_bytes(token, bytes, len, 0); }

int weft_stream_push_i(uint64_t token, int64_t value) { return token_put_int(token, value, 1); }

int weft_stream_push_p(uint64_t token, void *p, void (*drop)(void *)) { return token_put_pointer(token, p, drop, 1); }

int weft_stream_push_b(uint64_t token, const void *bytes, size_t len) { return token_put_bytes(token, bytes, len, 1); }

int weft_reject(uint64_t token, int code, const char *message) {
  if (code >= 0) return WEFT_EINVAL;
  weft_item *item = weft__item_new(token, WEFT_TYPE_ERROR, message, message == NULL ? 0 : strlen(message));
  if (item != NULL) item->status = code;
  return token_put(token, item, 0);
}

int weft_stream_end(uint64_t token, int code) {
  if (code > 0) return WEFT_EINVAL;
  weft_item *item = weft__item_new(token, WEFT_TYPE_END, NULL, 0);
  if (item != NULL) item->status = code;
  return token_put(token, item, 0);
}

int weft_token_cancelled(uint64_t token) {
  weft_slot *slot;
  weft__token_lock();
  int err = weft__token_find(token, &slot);
  weft__token_unlock();
  return err != 0;
}

int weft_token_on_cancel(uint64_t token, void (*cb)(void *), void *arg) {
  if (cb == NULL) return WEFT_EINVAL;
  weft_slot *slot;
  weft__token_lock();
  int err = weft__token_find(token, &slot);
  if (err == 0 && slot->type == WEFT_TYPE_PROMISE) err = WEFT_ETYPE;
  if (err == 0) {
    slot->on_cancel = cb;
    slot->on_cancel_arg = arg;
  }
  weft__token_unlock();
  return err;
}

int weft_token_cancel(uint64_t token) {
  weft_slot *slot;
  weft_slot was = {.loop = NULL};
  weft__token_lock();
  int err = weft__token_find(token, &slot);
  if (err == 0) {
    was = *slot;
    weft__token_end(slot, WEFT_ECANCELED);
  }
  weft__token_unlock();
  if (was.outcome != NULL) weft_item_drop(was.outcome);
  if (was.on_cancel != NULL) was.on_cancel(was.on_cancel_arg);
  if (was.on_room != NULL) was.on_room(was.on_room_arg);
  return err;
}

/* A call that the loop has to make. It must not be lost for want of memory. */
static weft_item *token_call(void (*cb)(void *), void *arg, weft_item *next) {
  weft_item *item = weft__item_new(0, 0, NULL, 0);
  if (item == NULL) abort();
  item->what = WEFT_ITEM_CALL;
  item->call.back = cb;
  item->data = arg;
  item->next = next;
  return item;
}

/* Ends what is open on a loop, and returns what is to be called for that. */
weft_item *weft__token_end_all(weft_loop *loop) {
  weft_item *calls = NULL;
  weft__token_lock();
  loop->tokens_closed = 1;
  while (loop->tokens_first != 0) {
    weft_slot *slot = &token_table.slots[loop->tokens_first - 1];
    if (slot->outcome != NULL) weft_item_drop(slot->outcome); /* bytes or a text: drop runs nothing */
    if (slot->await != NULL) {
      calls = token_call(NULL, NULL, calls);
      weft__item_await(calls, slot, WEFT_ECLOSED);
    }
    if (slot->on_room != NULL) calls = token_call(slot->on_room, slot->on_room_arg, calls);
    if (slot->on_cancel != NULL) calls = token_call(slot->on_cancel, slot->on_cancel_arg, calls);
    weft__token_end(slot, WEFT_ECLOSED);
  }
  weft__token_unlock();
  return calls;
}
