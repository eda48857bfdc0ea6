/* SPDX-License-Identifier: MIT
 *
 * The adapter of hiredis 0.14 ignores errors that a poll ends with: where a server is gone before it has read a
 * command, nobody says so. Commands want promise.WithTimeout then, and the client to be closed. Later versions hear of
 * it. */
#include "redis.h"

#include <hiredis/adapters/libuv.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>

/* Used by Go until redis_drop, and by hiredis while it has a connection. */
struct redis_client {
  redisAsyncContext *ac; /* NULL: there is no connection any more */
  weft_token connected;
  weft_token ended;
  int users;
};

_Static_assert(sizeof(void *) >= sizeof(weft_token), "a token is what hiredis keeps for each command");

void redis_drop(redis_client *client) {
  if (--client->users == 0) free(client);
}

/* hiredis frees the context, and the adapter closes its handle, after each of the callbacks that call this. */
static void lose(redis_client *client, const char *why) {
  client->ac = NULL;
  weft_reject(client->connected, UV_ENOTCONN, why); /* unless it was connected */
  if (why == NULL) {
    weft_resolve_i(client->ended, 0);
  } else {
    weft_reject(client->ended, UV_ECONNRESET, why);
  }
  redis_drop(client);
}

static void on_connect(const redisAsyncContext *ac, int status) {
  redis_client *client = ac->data;
  if (status == REDIS_OK) {
    weft_resolve_i(client->connected, 0);
  } else {
    lose(client, ac->errstr);
  }
}

static void on_disconnect(const redisAsyncContext *ac, int status) {
  lose(ac->data, status == REDIS_OK ? NULL : ac->errstr);
}

/* Go has cancelled the end, or its loop closes. hiredis first answers every command that waits, by NULL. It says
 * nothing of a connection that it has not made yet. */
static void on_cancel(void *arg) {
  redis_client *client = arg;
  if (client->ac == NULL) return;
  client->users++;
  redisAsyncFree(client->ac);
  if (client->ac != NULL) lose(client, "closed before it was connected");
  redis_drop(client);
}

redis_client *redis_open(uv_loop_t *loop, const char *path, weft_token connected, weft_token ended) {
  redis_client *client = calloc(1, sizeof(*client));
  redisAsyncContext *ac = redisAsyncConnectUnix(path);
  if (client == NULL || ac == NULL) abort();
  *client = (redis_client){ac, connected, ended, 2};
  ac->data = client;
  if (ac->err != 0 || redisLibuvAttach(ac, loop) != REDIS_OK) {
    lose(client, ac->err != 0 ? ac->errstr : "the adapter has no handle for it");
    redisAsyncFree(ac);
    return client;
  }
  redisAsyncSetConnectCallback(ac, on_connect);
  redisAsyncSetDisconnectCallback(ac, on_disconnect);
  if (weft_token_on_cancel(ended, on_cancel, client) != 0) on_cancel(client);
  return client;
}

static void settle(weft_token token, const redisReply *reply) {
  int err = 0;
  switch (reply->type) {
    case REDIS_REPLY_INTEGER:
      err = weft_resolve_i(token, reply->integer);
      break;
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      err = weft_resolve_b(token, reply->str, reply->len);
      break;
    case REDIS_REPLY_NIL:
      weft_reject(token, UV_ENOENT, "no such key");
      break;
    case REDIS_REPLY_ERROR:
      weft_reject(token, UV_EINVAL, reply->str);
      break;
    default:
      err = WEFT_ETYPE;
  }
  if (err == WEFT_ETYPE) weft_reject(token, err, "a reply of another type");
}

static void on_reply(redisAsyncContext *ac, void *reply, void *token) {
  if (reply != NULL) {
    settle((uintptr_t)token, reply);
  } else {
    weft_reject((uintptr_t)token, UV_ECONNRESET, ac->errstr);
  }
}

void redis_send(redis_client *client, weft_token reply, const char *command, size_t len) {
  if (client == NULL || client->ac == NULL ||
      redisAsyncFormattedCommand(client->ac, on_reply, (void *)(uintptr_t)reply, command, len) != REDIS_OK) {
    weft_reject(reply, UV_ENOTCONN, "the connection has ended");
  }
}

void redis_close(redis_client *client) {
  if (client != NULL && client->ac != NULL) redisAsyncDisconnect(client->ac);
}
