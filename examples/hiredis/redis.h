/* SPDX-License-Identifier: MIT
 *
 * A connection of hiredis whose replies settle tokens of weft's. All of it: loop thread only. */
#include <weft.h>

typedef struct redis_client redis_client;

/* Begins to connect to a Unix socket. connected gets 0 or what is wrong, ended 0 when the connection has ended as asked
 * for; its end ends the connection. */
redis_client *redis_open(uv_loop_t *loop, const char *path, weft_token connected, weft_token ended);

/* Sends a command in Redis' own format, which is copied. NULL is a connection that has ended. */
void redis_send(redis_client *client, weft_token reply, const char *command, size_t len);

/* Has the connection end when every reply is there. */
void redis_close(redis_client *client);

/* Says that nobody will use the client any more. */
void redis_drop(redis_client *client);
