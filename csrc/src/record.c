/* SPDX-License-Identifier: MIT */
#include "internal.h"

static void record_on_idle(uv_idle_t *idle) { (void)idle; }

void weft__append(weft_loop *loop, weft_record r) {
  weft_shared *s = &loop->shared;
  if (s->count == loop->records_cap) {
    uint32_t cap = loop->records_cap == 0 ? 64 : loop->records_cap * 2;
    size_t size = sizeof(weft_record);
    weft_record *grown = weft__realloc(loop, s->records, loop->records_cap * size, cap * size);
    /* A lost completion would leave an operation pending for ever, and its memory with it. */
    if (grown == NULL) abort();
    s->records = grown;
    loop->records_cap = cap;
  }
  s->records[s->count++] = r;
}

void weft__record(weft_loop *loop, weft_record r) {
  weft__append(loop, r);
  weft_loop_news((uintptr_t)loop);
}

/* News may come before the poll of the same uv_run: by timers, close callbacks, other people's prepare handles. An
 * active idle handle makes libuv poll without blocking, so that news never waits for other news. Whoever makes it
 * starts the handle: one started from a prepare callback of ours would come too late for what a later one does. */
void weft_loop_news(uintptr_t lp) {
  weft_loop *loop = weft__loop(lp);
  if (loop->idling || uv_is_closing((const uv_handle_t *)&loop->idle)) return;
  loop->idling = 1;
  uv_idle_start(&loop->idle, record_on_idle);
  if (loop->host != NULL) uv_ref((uv_handle_t *)&loop->idle); /* the host must not leave uv_run before */
}
