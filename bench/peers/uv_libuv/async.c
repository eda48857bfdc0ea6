// SPDX-License-Identifier: MIT
//
// async1: two loops, on a thread each, wake each other by turns. async_pummel: threads that do nothing but wake one
// loop.
#include <stdatomic.h>

#include "bench.h"

// side is one of two loops.
struct side {
  uv_loop_t loop;
  uv_async_t async;
  struct side *other;
  long left;  // wake-ups to come
};

static void on_ping(uv_async_t *async) {
  struct side *s = async->data;
  check(uv_async_send(&s->other->async), "send");
  if (--s->left == 0) uv_close((uv_handle_t *)async, NULL);
}

static void on_pong(uv_async_t *async) {
  struct side *s = async->data;
  if (--s->left == 0) {
    uv_close((uv_handle_t *)async, NULL);
  } else {
    check(uv_async_send(&s->other->async), "send");
  }
}

static void side_init(struct side *s, struct side *other, long n, uv_async_cb cb) {
  check(uv_loop_init(&s->loop), "loop");
  check(uv_async_init(&s->loop, &s->async, cb), "async");
  s->async.data = s;
  s->other = other;
  s->left = n;
}

static void side_run(void *arg) {
  struct side *s = arg;
  check(uv_run(&s->loop, UV_RUN_DEFAULT), "run");
}

void async_pings(long n, int width) {
  (void)width;
  struct side main, worker;
  uv_thread_t thread;
  side_init(&main, &worker, n, on_pong);
  side_init(&worker, &main, n, on_ping);
  check(uv_thread_create(&thread, side_run, &worker), "thread");
  begin();
  check(uv_async_send(&worker.async), "send");
  side_run(&main);
  end();
  check(uv_thread_join(&thread), "join");
  finish(&main.loop);
  finish(&worker.loop);
}

static long left;
static atomic_bool enough;

static void on_pummel(uv_async_t *async) {
  (void)async;
  if (--left == 0) {
    enough = 1;
    uv_stop(async->loop);
  }
}

static void pummel(void *async) {
  while (!enough) check(uv_async_send(async), "send");
}

void async_pummel(long n, int width) {
  uv_loop_t loop;
  uv_async_t async;
  uv_thread_t threads[16];
  check(uv_loop_init(&loop), "loop");
  check(uv_async_init(&loop, &async, on_pummel), "async");
  left = n;
  begin();
  for (int i = 0; i < width; i++) check(uv_thread_create(&threads[i], pummel, &async), "thread");
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  end();
  for (int i = 0; i < width; i++) check(uv_thread_join(&threads[i]), "join");
  uv_close((uv_handle_t *)&async, NULL);
  check(uv_run(&loop, UV_RUN_DEFAULT), "run");
  finish(&loop);
}
