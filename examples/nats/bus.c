/* SPDX-License-Identifier: MIT
 *
 * The adapter's functions are not static: it is included here, and nowhere else. */
#include "bus.h"

#include <nats/adapters/libuv.h>
#include <stdatomic.h>
#include <stdlib.h>

_Static_assert(sizeof(void *) >= sizeof(weft_token), "a token is what nats.c keeps for a connection");

void bus_thread(uv_loop_t *loop) {
  natsLibuv_Init();
  natsLibuv_SetThreadLocalLoop(loop);
}

/* On a thread of nats.c that all connections share. */
static void on_closed(natsConnection *connection, void *closed) {
  (void)connection;
  weft_resolve_i((uintptr_t)closed, 0);
}

/* Go wants the connection closed, or its loop closes. On the loop the adapter ends its poll before nats.c closes the
 * socket; elsewhere it would be after. With something unsent nats.c waits half a second here, in vain: the loop sends
 * it. */
static void close_connection(void *connection) { natsConnection_Close(connection); }

static natsStatus configure(natsOptions *options, uv_loop_t *loop, const char *url, weft_token closed) {
  natsStatus s = natsOptions_SetURL(options, url);
  if (s == NATS_OK) {
    s = natsOptions_SetEventLoop(options, loop, natsLibuv_Attach, natsLibuv_Read, natsLibuv_Write, natsLibuv_Detach);
  }
  if (s == NATS_OK) s = natsOptions_SetClosedCB(options, on_closed, (void *)(uintptr_t)closed);
  if (s == NATS_OK) s = natsOptions_SetReconnectWait(options, 100);
  return s;
}

natsStatus bus_connect(natsConnection **connection, uv_loop_t *loop, const char *url, weft_token closed) {
  natsOptions *options = NULL;
  natsStatus s = natsOptions_Create(&options);
  if (s == NATS_OK) s = configure(options, loop, url, closed);
  if (s == NATS_OK) s = natsConnection_Connect(connection, options);
  natsOptions_Destroy(options);
  if (s == NATS_OK && weft_token_on_cancel(closed, close_connection, *connection) != 0) close_connection(*connection);
  return s;
}

/* Used by the subscription's thread until its end, and by the stream until its own. */
struct reader {
  natsSubscription *subscription;
  weft_token messages;
  uv_sem_t room;
  atomic_int users;
};

static void drop_reader(struct reader *r) {
  if (atomic_fetch_sub(&r->users, 1) > 1) return;
  natsSubscription_Destroy(r->subscription);
  uv_sem_destroy(&r->room);
  free(r);
}

static void drop_message(void *msg) { natsMsg_Destroy(msg); }

static void on_room(void *room) { uv_sem_post(room); }

/* On a thread that nats.c has for this subscription, and that waits while Go has not read what is there. nats.c itself
 * keeps 65,536 messages meanwhile, and loses those that come then. */
static void on_message(natsConnection *connection, natsSubscription *subscription, natsMsg *msg, void *arg) {
  struct reader *r = arg;
  (void)connection;
  (void)subscription;
  while (weft_stream_push_p(r->messages, msg, drop_message) == WEFT_FULL) {
    if (weft_stream_on_room(r->messages, on_room, &r->room) == 0) uv_sem_wait(&r->room);
  }
}

/* On the same thread, as its last: the subscription or the connection has ended. */
static void on_complete(void *arg) {
  struct reader *r = arg;
  if (weft_stream_end(r->messages, 0) == 0) drop_reader(r); /* the stream has not been cancelled, and will not be */
  drop_reader(r);
}

/* Nobody reads any more. */
static void on_unread(void *arg) {
  struct reader *r = arg;
  natsSubscription_Unsubscribe(r->subscription);
  drop_reader(r);
}

natsStatus bus_subscribe(natsConnection *connection, const char *subject, weft_token messages) {
  struct reader *r = calloc(1, sizeof(*r));
  if (r == NULL || uv_sem_init(&r->room, 0) != 0) abort();
  r->messages = messages;
  r->users = 2;
  natsStatus s = natsConnection_Subscribe(&r->subscription, connection, subject, on_message, r);
  if (s != NATS_OK) {
    uv_sem_destroy(&r->room);
    free(r);
    return s;
  }
  if (weft_token_on_cancel(messages, on_unread, r) != 0) on_unread(r);
  /* On error r stays: its thread may have it yet. */
  return natsSubscription_SetOnCompleteCB(r->subscription, on_complete, r);
}
