// SPDX-License-Identifier: MIT
//
// What the cases of uv_libuv share. A case does its preparations, calls begin, has n events happen, calls end, and
// leaves its loop empty. ../../uv does the same with package uv.
#ifndef BENCH_H
#define BENCH_H

#include <stdlib.h>
#include <uv.h>

// begin and end bound what is measured.
void begin(void);
void end(void);

// check ends the program unless status is 0 or more.
void check(int status, const char *what);

// must returns p, and ends the program when that is NULL.
void *must(void *p);

// finish closes a loop that has nothing left.
void finish(uv_loop_t *loop);

// loopback is a port of 127.0.0.1, or any for 0.
struct sockaddr_in loopback(int port);

// The cases. width is how many threads, connections or sockets take part.
void loop_count(long n, int width);
void async_pings(long n, int width);
void async_pummel(long n, int width);
void million_timers(long n, int width);
void ping_pongs(long n, int width);
void tcp_write_batch(long n, int width);
void tcp_pump(long n, int width);
void tcp_pound(long n, int width);
void udp_pummel(long n, int width);
void spawn(long n, int width);

#endif
