/* SPDX-License-Identifier: MIT
 *
 * Each handle reads its share in a turn, so that one that always has more does not keep the others from being read. The
 * shares of those that had more to read than theirs make up half of the turn's memory: the other half is for those that
 * say something now and then. When it does not do for all, those that got nothing go first. A round lasts until
 * everything that can be read was read, which may take more than one turn, and each handle is read in one of them. */
#include "internal.h"

enum {
  SHARE_MOST = 64 * 1024,
  SHARE_LEAST = 8 * 1024,
  SHARE_ALL = WEFT_TURN_READS / 2 /* what those get together that have more to read than their share */
};

void weft__share_init(weft_loop *loop) {
  loop->lap = loop->round = 1; /* handles have been read in none */
  loop->share = SHARE_MOST;
}

/* A turn in which nothing could be read changes nothing: that of a host may come without a poll. */
void weft__share_turn(weft_loop *loop) {
  if (!loop->asked) return;
  loop->lap++;
  if (!loop->starved) loop->round = loop->lap;
  uint32_t share = SHARE_ALL / (loop->eager > 0 ? loop->eager : 1);
  loop->share = share > SHARE_MOST ? SHARE_MOST : share < SHARE_LEAST ? SHARE_LEAST : share;
  loop->asked = loop->starved = 0;
  loop->eager = 0;
}

/* Half of its share counts as all of it: the rest would not be worth a system call. */
int weft__share_ask(weft_handle *h, int room) {
  weft_loop *loop = h->loop;
  int waited = h->lap < loop->round, reads = h->lap == loop->lap;
  loop->asked = 1;
  if (room && (waited || (reads && h->got < loop->share / 2))) {
    if (!reads) h->got = 0;
    h->lap = loop->lap;
    return 1;
  }
  if (!room && waited) loop->starved = 1;
  loop->eager++;
  h->waits = 1;
  return 0;
}
