/* SPDX-License-Identifier: MIT
 *
 * What nats.c needs to work on a loop of weft's. All else of it is called as it is, on any thread. */
#include <nats/nats.h>
#include <weft.h>

/* Says which loop this thread runs, NULL: none any more. The adapter tells the loop's thread from others by that. */
void bus_thread(uv_loop_t *loop);

/* Connects. closed gets 0 when the connection has been closed; its end closes it. The connection must not be destroyed
 * before closed has ended. Waits for the server: the adapter attaches on the loop's thread, and nowhere else. Loop
 * thread. */
natsStatus bus_connect(natsConnection **connection, uv_loop_t *loop, const char *url, weft_token closed);

/* Feeds a stream of pointers with each natsMsg of a subject, which ends when the connection is closed; the end of the
 * stream ends the subscription. Any thread. */
natsStatus bus_subscribe(natsConnection *connection, const char *subject, weft_token messages);
