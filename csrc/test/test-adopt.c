/* SPDX-License-Identifier: MIT
 *
 * Loops that somebody else runs, with C in the place of Go: what keeps the host's uv_run and what does not, what
 * happens when it does as it likes, and the ends. Tests of what must not sleep hang without it: the host always has a
 * handle that nothing ends. */
#include <stdatomic.h>

#include "internal.h"
#include "test.h"

/* What Go would be. */
typedef struct {
  uv_loop_t uv;
  uintptr_t loop;
  weft_loop *weft;
  int turns;
  int strange; /* asked to run on another thread */
  int by_go;   /* Go code runs the loop */
  int nested;  /* turns are refused */
  int inner;   /* the next turn runs the loop itself */
  int more;    /* turns that are to leave something to run */
  int records[16];
  int n;
  uintptr_t end; /* of C's weft_detach */
  int leaving;
  int closed;
  const char *left;
  uv_async_t endless;
} guest;

static guest *guests[4]; /* by their ids */

static void guest_drain(guest *g) {
  weft_shared *s = weft_loop_shared(g->loop);
  while (s->drained < s->count) {
    CHECK(g->n < 16);
    g->records[g->n++] = (int)s->records[s->drained++].token;
  }
}

static uintptr_t guest_turn(guest *g) {
  if (g->nested) return WEFT_HOST_NESTED;
  g->turns++;
  if (g->inner) {
    g->inner = 0;
    weft_loop_news(g->loop);
    uv_run(&g->uv, UV_RUN_DEFAULT);
  }
  guest_drain(g);
  if (g->leaving && weft_host_close(g->loop) != 0) return WEFT_HOST_MORE;
  return g->more-- > 0 ? WEFT_HOST_MORE : WEFT_HOST_DONE;
}

static uintptr_t guest_detach(guest *g, uintptr_t end) {
  if (g->leaving) return WEFT_HOST_MORE;
  g->leaving = 1;
  g->end = end;
  weft_loop_news(g->loop);
  return WEFT_HOST_DONE;
}

static void guest_closed(guest *g) {
  g->closed++;
  if (g->left != NULL) weft_end_left(g->end, g->left);
  weft_host_free(g->loop);
}

static uintptr_t guest_enter(int what, uint64_t id, uintptr_t frame) {
  guest *g = guests[id];
  switch (what) {
    case WEFT_HOST_TURN:
      if (frame != 0) weft_host_placed(g->loop, frame, g->by_go);
      return guest_turn(g);
    case WEFT_HOST_DETACH:
      return guest_detach(g, frame);
    case WEFT_HOST_STRANGE:
      g->strange++;
      break;
    case WEFT_HOST_CLOSED:
      guest_closed(g);
  }
  return WEFT_HOST_DONE;
}

static void endless_on_wake(uv_async_t *async) { (void)async; }

static void host_open(guest *g, int id) {
  *g = (guest){.turns = 0};
  guests[id] = g;
  CHECK(uv_loop_init(&g->uv) == 0);
  g->uv.data = &g->uv;
  CHECK(uv_async_init(&g->uv, &g->endless, endless_on_wake) == 0);
}

static void guest_open(guest *g, int id) {
  host_open(g, id);
  CHECK(weft_host_open(&g->uv, guest_enter, (uint64_t)id, 0, &g->loop) == 0);
  g->weft = weft_adopted(&g->uv);
  CHECK(g->weft != NULL && weft_uv_loop(g->weft) == &g->uv && weft_host_id(&g->uv) == (uint64_t)id);
}

/* The host's handle does not keep it any more. */
static void host_idles(guest *g) { uv_unref((uv_handle_t *)&g->endless); }

static void host_close(guest *g) {
  uv_close((uv_handle_t *)&g->endless, NULL);
  uv_run(&g->uv, UV_RUN_DEFAULT);
  CHECK(g->uv.data == &g->uv && uv_loop_close(&g->uv) == 0);
}

static int ends;

static void note_end(void *arg, const char *left) {
  (void)left;
  (void)arg;
  ends++;
}

static void guest_end(guest *g) {
  host_idles(g);
  ends = 0;
  CHECK(weft_detach(g->weft, note_end, NULL) == 0);
  uv_run(&g->uv, UV_RUN_DEFAULT);
  CHECK(ends == 1 && g->closed == 1 && weft_adopted(&g->uv) == NULL && weft_host_id(&g->uv) == 0);
  host_close(g);
}

static guest a;
static guest b;

static void nothing_keeps_the_host(void) {
  guest_open(&a, 1);
  host_idles(&a);
  CHECK(a.turns == 0); /* nothing runs inside the adoption */
  uv_run(&a.uv, UV_RUN_DEFAULT);
  CHECK(a.turns == 1);
  a.more = 5;
  weft_loop_news(a.loop);
  uv_run(&a.uv, UV_RUN_DEFAULT); /* not before there is nothing more */
  CHECK(a.turns == 7);
  uv_run(&a.uv, UV_RUN_DEFAULT);
  CHECK(a.turns == 7);
  guest_end(&a);
}

static void last_on_close(uv_handle_t *handle) {
  (void)handle;
  weft_loop_news(a.loop);
}

static void last_on_fire(uv_timer_t *timer) { uv_close((uv_handle_t *)timer, last_on_close); }

static void work_that_the_hosts_last_handle_leaves_runs(void) {
  uv_timer_t timer;
  guest_open(&a, 1);
  host_idles(&a);
  uv_timer_init(&a.uv, &timer);
  uv_timer_start(&timer, last_on_fire, 1, 0);
  uv_run(&a.uv, UV_RUN_DEFAULT);
  CHECK(a.turns == 2);
  guest_end(&a);
}

static int posts;

static void post_more(weft_loop *loop, void *arg) {
  posts++;
  int left = (int)(intptr_t)arg;
  if (left > 0) CHECK(weft_post(loop, post_more, (void *)(intptr_t)(left - 1)) == 0);
}

static void post_last(uv_handle_t *handle) {
  (void)handle;
  CHECK(weft_post(a.weft, post_more, NULL) == 0);
}

static void post_here(void *loop) { CHECK(weft_post(loop, post_more, NULL) == 0); }

static void await_counts(void *arg, int status, int64_t value, const void *data) {
  (void)arg;
  (void)data;
  CHECK(status == 0);
  posts += (int)value;
}

static void runs_for(int called) {
  posts = 0;
  uv_run(&a.uv, UV_RUN_DEFAULT); /* for ever, if that kept it */
  CHECK(posts == called);
}

/* libuv's run ends before its poll when no handle is referenced. */
static void what_the_host_itself_sends_is_not_left_behind(void) {
  uv_timer_t timer;
  uv_thread_t thread;
  guest_open(&a, 1);
  host_idles(&a);
  runs_for(0);
  CHECK(weft_post(a.weft, post_more, (void *)3) == 0);
  runs_for(4);
  CHECK(weft_resolve_i(weft_token_new(a.loop, WEFT_TYPE_INT, 0), 1) == 0);
  runs_for(0);
  CHECK(a.n == 1);
  weft_token promise = weft_token_new(a.loop, WEFT_TYPE_PROMISE, 0);
  CHECK(weft_promise_settle(promise, 0, 7, NULL, 0) == 0 && weft_await(promise, await_counts, NULL) == 0);
  runs_for(7);
  CHECK(uv_thread_create(&thread, post_here, a.weft) == 0);
  uv_thread_join(&thread);
  CHECK(weft_post(a.weft, post_more, NULL) == 0); /* the inbox is not empty */
  runs_for(2);
#ifndef _WIN32
  a.weft->inbox.async.pending = 1; /* another thread is about to wake it: it is not for this one to do */
  CHECK(weft_post(a.weft, post_more, NULL) == 0);
  runs_for(1);
  a.weft->inbox.async.pending = 0;
#endif
  uv_timer_init(&a.uv, &timer);
  uv_close((uv_handle_t *)&timer, post_last);
  runs_for(1);
  int turns = a.turns;
  runs_for(0);
  CHECK(a.turns == turns);
  guest_end(&a);
}

static uintptr_t weft_timer;

/* Comes after weft's own prepare callback, and has it ask for a timer. */
static void prepare_asks(uv_prepare_t *prepare) {
  uv_prepare_stop(prepare);
  test_submit(a.loop, (weft_sub){.handle = weft_timer, .op = WEFT_TIMER_START, .token = 5});
  weft_loop_news(a.loop);
}

/* Has a timer of weft's become due after libuv has looked at them. */
static void prepare_idles(uv_prepare_t *prepare) {
  uv_prepare_stop(prepare);
  while (weft_timer_due_in(weft_timer) > 0) uv_update_time(&a.uv);
}

static void until_a_record(void) {
  for (int n = a.n; a.n == n;) uv_run(&a.uv, UV_RUN_ONCE);
}

static void a_hosts_prepare_does_not_have_timers_wait(void) {
  uv_prepare_t prepare;
  host_open(&a, 1);
  uv_prepare_init(&a.uv, &prepare);
  uv_prepare_start(&prepare, prepare_asks); /* before the adoption: it is called after */
  CHECK(weft_host_open(&a.uv, guest_enter, 1, 0, &a.loop) == 0);
  a.weft = weft_adopted(&a.uv);
  CHECK(weft_timer_new(a.loop, 0, &weft_timer) == 0);
  until_a_record();
  CHECK(a.records[0] == 5);
  test_submit(a.loop, (weft_sub){.handle = weft_timer, .op = WEFT_TIMER_START, .token = 6, .len = 20});
  weft_loop_submit(a.loop);
  uv_prepare_start(&prepare, prepare_idles);
  until_a_record();
  CHECK(a.records[1] == 6);
  test_submit(a.loop, (weft_sub){.handle = weft_timer, .op = WEFT_CLOSE, .token = 7});
  weft_loop_news(a.loop);
  until_a_record();
  CHECK(a.records[2] == 7);
  uv_close((uv_handle_t *)&prepare, NULL);
  guest_end(&a);
}

static void the_host_stops_and_runs_again(void) {
  guest_open(&a, 1);
  for (int i = 1; i < 10; i++) {
    a.more = 1000;
    weft_loop_news(a.loop);
    uv_stop(&a.uv);
    uv_run(&a.uv, UV_RUN_DEFAULT); /* for ever, if the stop were lost */
    CHECK(a.more > 0);
  }
  int before = a.turns;
  a.more = 3;
  uv_run(&a.uv, UV_RUN_NOWAIT);
  CHECK(a.turns > before); /* what it left pending goes on */
  guest_end(&a);
}

static void closing_without_a_detach_is_refused(void) {
  guest_open(&a, 1);
  host_idles(&a);
  uv_run(&a.uv, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&a.uv) == UV_EBUSY);
  CHECK(weft_adopted(&a.uv) == a.weft);
  weft_loop_news(a.loop);
  uv_run(&a.uv, UV_RUN_DEFAULT);
  CHECK(a.turns == 2); /* it works as before */
  guest_end(&a);
}

static void close_each(uv_handle_t *handle, void *arg) {
  (void)arg;
  if (!uv_is_closing(handle)) uv_close(handle, NULL);
}

static void drop_nothing(void *p) { (void)p; }

static void await_nothing(void *arg, int status, int64_t value, const void *data) {
  (void)arg;
  (void)status;
  (void)value;
  (void)data;
}

static void post_nothing(weft_loop *loop, void *arg) {
  (void)loop;
  (void)arg;
}

static void is_told_that_it_is_closed(const weft_token *tokens, uintptr_t async) {
  CHECK(weft_host_lost(a.loop));
  CHECK(weft_post(a.weft, post_nothing, NULL) == WEFT_ECLOSED);
  CHECK(weft_hold(a.weft) == WEFT_ECLOSED && weft_release(a.weft) == WEFT_ECLOSED && weft_keep(a.loop, 1) != 0);
  CHECK(weft_stream_on_room(tokens[0], drop_nothing, NULL) == WEFT_ECLOSED);
  CHECK(weft_stream_push_i(tokens[0], 1) == WEFT_ECLOSED && weft_stream_push_i(tokens[0], 1) == WEFT_ECLOSED);
  CHECK(weft_resolve_p(tokens[1], a.weft, drop_nothing) == WEFT_ECLOSED && weft_token_cancelled(tokens[1]));
  CHECK(weft_await(tokens[2], await_nothing, NULL) == WEFT_ECLOSED);
  CHECK(weft_token_new(a.loop, WEFT_TYPE_INT, 0) == 0);
  CHECK(weft_async_send(async) == UV_EBADF);
  CHECK(weft_detach(a.weft, note_end, NULL) == WEFT_ECLOSED && ends == 0);
  weft_loop_news(a.loop);
}

/* It begins with a turn, or with the one handle: then there are callbacks of ours, but no place for Go any more. */
static void a_host_closes_what_is_not_its_own(int turns) {
  uintptr_t async;
  guest_open(&a, 1);
  CHECK(weft_async_new(a.loop, 0, &async) == 0);
  weft_token tokens[] = {weft_token_new(a.loop, WEFT_TYPE_INT, 1), weft_token_new(a.loop, WEFT_TYPE_POINTER, 0),
                         weft_token_new(a.loop, WEFT_TYPE_PROMISE, 0)};
  CHECK(weft_promise_settle(tokens[2], 0, 1, NULL, 0) == 0);
  ends = 0;
  CHECK(!weft_host_lost(a.loop));
  if (turns == 0) uv_close((uv_handle_t *)&a.weft->inbox.async, NULL);
  CHECK(uv_run(&a.uv, UV_RUN_NOWAIT) != 0 && a.turns == turns);
  uv_walk(&a.uv, close_each, NULL);
  uv_run(&a.uv, UV_RUN_DEFAULT);
  CHECK(uv_loop_close(&a.uv) == 0 && a.turns == turns);
  memset(&a.uv, 0xff, sizeof(a.uv)); /* nothing looks at it any more */
  is_told_that_it_is_closed(tokens, async);
  CHECK(weft_adopted(&a.uv) == NULL && weft_host_id(&a.uv) == 0);
  weft__handle_drop(async);
  CHECK(weft_host_close(a.loop) == UV_EBUSY);
  weft_host_free(a.loop);
  guest_open(&a, 1); /* at the same address */
  uv_run(&a.uv, UV_RUN_NOWAIT);
  CHECK(a.turns == 1);
  guest_end(&a);
}

static void is_adopted_once(void) {
  uintptr_t loop = 0;
  guest_open(&a, 1);
  CHECK(weft_host_open(&a.uv, guest_enter, 2, 0, &loop) == UV_EALREADY && loop == 0);
  guest_end(&a);
  guest_open(&a, 1); /* another one, or the same again */
  guest_end(&a);
}

static void run_here(void *arg) { uv_run(arg, UV_RUN_DEFAULT); }

static void another_thread_is_reported(void) {
  uv_thread_t thread;
  guest_open(&a, 1);
  host_idles(&a);
  CHECK(uv_thread_create(&thread, run_here, &a.uv) == 0);
  uv_thread_join(&thread); /* news that nobody may take does not keep it */
  int strange = a.strange; /* Go says it once */
  CHECK(strange > 0 && a.turns == 0);
  uv_ref((uv_handle_t *)&a.endless);
  CHECK(uv_run(&a.uv, UV_RUN_NOWAIT) != 0);
  CHECK(a.strange == strange && a.turns == 1); /* the right one finds what the other has left */
  guest_end(&a);
}

static void release_here(void *loop) { CHECK(weft_release(loop) == 0); }

static void a_hold_keeps_the_host(void) {
  uv_thread_t thread;
  guest_open(&a, 1);
  host_idles(&a);
  CHECK(weft_release(a.weft) == WEFT_ENOTHELD);
  uv_run(&a.uv, UV_RUN_DEFAULT);
  CHECK(weft_hold(a.weft) == 0 && weft_hold(a.weft) == 0 && weft_release(a.weft) == 0);
  CHECK(uv_run(&a.uv, UV_RUN_NOWAIT) != 0); /* it holds, though nothing else is there */
  CHECK(uv_thread_create(&thread, release_here, a.weft) == 0);
  uv_run(&a.uv, UV_RUN_DEFAULT); /* for ever, if that did not wake it */
  uv_thread_join(&thread);
  CHECK(weft_release(a.weft) == WEFT_ENOTHELD);
  CHECK(weft_keep(a.loop, 1) == 0 && weft_held(a.loop));
  CHECK(weft_release(a.weft) == WEFT_ENOTHELD); /* that one is Go's */
  CHECK(weft_hold(NULL) == WEFT_EINVAL && weft_release(NULL) == WEFT_EINVAL);
  weft_ref(a.weft);
  weft_loop *loop = a.weft;
  guest_end(&a); /* which no hold keeps */
  CHECK(weft_hold(loop) == WEFT_ECLOSED && weft_release(loop) == WEFT_ECLOSED);
  weft_unref(loop);
}

/* It may be released in a turn of ours only, and none is there. */
static void a_hold_keeps_no_run_that_is_refused(void) {
  uv_thread_t thread;
  guest_open(&a, 1);
  host_idles(&a);
  CHECK(weft_keep(a.loop, 1) == 0);
  CHECK(uv_thread_create(&thread, run_here, &a.uv) == 0); /* another thread */
  uv_thread_join(&thread);
  CHECK(a.strange > 0);
  CHECK(weft_keep(a.loop, 1) == 0); /* the thread's own: it holds again */
  a.nested = 1;                     /* inside a Go function that C has called */
  uv_run(&a.uv, UV_RUN_DEFAULT);
  CHECK(a.turns == 0);
  CHECK(weft_hold(a.weft) == 0);
  a.nested = 0;
  CHECK(uv_run(&a.uv, UV_RUN_NOWAIT) != 0 && a.turns == 1);
  a.inner = 1; /* inside a turn of ours */
  weft_loop_news(a.loop);
  CHECK(uv_run(&a.uv, UV_RUN_NOWAIT) != 0 && a.turns == 2);
  CHECK(uv_run(&a.uv, UV_RUN_NOWAIT) != 0 && a.turns == 2);
  CHECK(weft_keep(a.loop, -2) == 0 && weft_release(a.weft) == 0);
  uv_run(&a.uv, UV_RUN_DEFAULT);
  guest_end(&a);
}

static void a_hold_keeps_a_loop_of_ours(void) {
  uv_thread_t thread;
  uintptr_t loop = test_loop();
  weft_loop *weft = (weft_loop *)loop;
  CHECK(weft_release(weft) == WEFT_ENOTHELD && !weft_loop_alive(loop));
  CHECK(weft_hold(weft) == 0 && weft_loop_alive(loop));
  CHECK(weft_turn(loop, UV_RUN_NOWAIT) == 0 && weft_loop_shared(loop)->alive);
  CHECK(!weft_loop_busy(loop)); /* a close does not wait for it */
  CHECK(uv_thread_create(&thread, release_here, weft) == 0);
  weft_record r = test_next(loop); /* hangs where Go is not told */
  CHECK(r.token == 0 && r.kind == WEFT_VALUE && !weft_loop_alive(loop));
  uv_thread_join(&thread);
  CHECK(weft_hold(weft) == 0 && weft_keep(loop, 1) == 0 && weft_loop_alive(loop));
  weft_inbox_close(loop);
  CHECK(!weft_loop_alive(loop) && weft_hold(weft) == WEFT_ECLOSED);
  test_end(loop, NULL, 0);
}

static int adopt_calls;

static int adopt(uv_loop_t *uv, char *text, size_t len) {
  adopt_calls++;
  CHECK(uv == &a.uv);
  if (adopt_calls == 1) {
    snprintf(text, len, "why not");
    return WEFT_EADOPT;
  }
  return weft_host_open(uv, guest_enter, 1, 0, &a.loop);
}

static void adopts_by_way_of_go(void) {
  weft_loop *loop = (weft_loop *)1;
  host_open(&a, 1);
  CHECK(weft_adopt(&a.uv, &loop) == WEFT_ENOGO && loop == NULL);
  weft_adopter_set(adopt);
  CHECK(weft_adopt(NULL, &loop) == WEFT_EINVAL && weft_adopt(&a.uv, NULL) == WEFT_EINVAL);
  CHECK(weft_adopt(&a.uv, &loop) == WEFT_EADOPT && loop == NULL);
  CHECK(strcmp(weft_strerror(WEFT_EADOPT), "why not") == 0);
  CHECK(weft_adopt(&a.uv, &loop) == 0 && loop == weft_adopted(&a.uv));
  weft_loop *again;
  CHECK(weft_adopt(&a.uv, &again) == WEFT_EALREADY && again == NULL && adopt_calls == 2);
  a.weft = loop;
  guest_end(&a);
}

/* What another copy of libuv has made is known by a function that it has left there. */
static void another_libuv_is_refused(void) {
  weft_loop *loop;
  host_open(&a, 1);
  uv_async_cb own = a.uv.wq_async.async_cb;
  a.uv.wq_async.async_cb = endless_on_wake;
  CHECK(weft_adopt(&a.uv, &loop) == WEFT_EADOPT && loop == NULL && adopt_calls == 2);
  CHECK(strstr(weft_strerror(WEFT_EADOPT), "another copy of libuv") != NULL);
  a.uv.wq_async.async_cb = own;
  host_close(&a);
}

static void detach_here(void *loop) { CHECK(weft_detach(loop, note_end, NULL) == WEFT_ETHREAD); }

static void note_left(void *arg, const char *left) {
  CHECK(a.closed == 1 && left != NULL && strcmp(left, "a task") == 0);
  ++*(int *)arg;
}

static void misuse_of_detach_has_codes(void) {
  uv_thread_t thread;
  int calls = 0;
  uintptr_t own = test_loop();
  CHECK(weft_detach(NULL, note_end, NULL) == WEFT_EINVAL && weft_uv_loop(NULL) == NULL);
  weft_ref(NULL);
  weft_unref(NULL);
  CHECK(weft_detach((weft_loop *)own, note_end, NULL) == WEFT_EOWNED);
  test_end(own, NULL, 0);
  guest_open(&a, 1);
  ends = 0;
  CHECK(uv_thread_create(&thread, detach_here, a.weft) == 0);
  uv_thread_join(&thread);
  CHECK(!a.leaving);
  weft_loop *loop = a.weft;
  weft_ref(loop);
  a.left = "a task";
  CHECK(weft_detach(loop, note_left, &calls) == 0 && calls == 0);
  CHECK(weft_detach(loop, note_end, NULL) == WEFT_EALREADY);
  host_idles(&a);
  uv_run(&a.uv, UV_RUN_DEFAULT);
  CHECK(calls == 1 && ends == 0);
  CHECK(weft_detach(loop, note_end, NULL) == WEFT_ECLOSED && ends == 0);
  weft_unref(loop);
  host_close(&a);
  guest_open(&a, 1); /* nobody wants to be told */
  host_idles(&a);
  CHECK(weft_detach(a.weft, NULL, NULL) == 0);
  uv_run(&a.uv, UV_RUN_DEFAULT);
  host_close(&a);
  for (int code = WEFT_ENOGO; code <= WEFT_FULL; code++) CHECK(strncmp(weft_strerror(code), "Unknown", 7) != 0);
}

static void adopt_again(void *arg, const char *left) {
  CHECK(left == NULL);
  guest *g = arg;
  CHECK(weft_detach(g->weft, note_end, NULL) == WEFT_ECLOSED); /* it is there, though nobody has called weft_ref */
  g->closed = g->leaving = 0;
  CHECK(weft_host_open(&g->uv, guest_enter, 1, 0, &g->loop) == 0);
  g->weft = weft_adopted(&g->uv);
}

static void is_adopted_again_when_that_is_done(void) {
  guest_open(&a, 1);
  host_idles(&a);
  for (int i = 0; i < 5; i++) {
    CHECK(weft_detach(a.weft, adopt_again, &a) == 0);
    int before = a.turns;
    uv_run(&a.uv, UV_RUN_DEFAULT);
    CHECK(a.turns > before + 1 && !a.leaving); /* one of the old and one of the new */
  }
  guest_end(&a);
}

/* Loops on two threads pass a number to and fro. */
enum { PASSES = 200 };

static void pass(weft_loop *loop, void *arg) {
  int n = (int)(intptr_t)arg;
  guest *here = loop == a.weft ? &a : &b;
  guest *there = here == &a ? &b : &a;
  CHECK(weft_uv_loop(loop) == &here->uv);
  if (n < PASSES) CHECK(weft_post(there->weft, pass, (void *)(intptr_t)(n + 1)) == 0);
  if (n >= PASSES - 1) CHECK(weft_detach(loop, NULL, NULL) == 0);
}

static uv_barrier_t opened;

static void run_guest(void *arg) {
  guest *g = arg;
  guest_open(g, g == &a ? 1 : 2);
  CHECK(weft_hold(g->weft) == 0);
  host_idles(g);
  uv_barrier_wait(&opened);
  if (g == &a) CHECK(weft_post(a.weft, pass, (void *)(intptr_t)1) == 0);
  uv_run(&g->uv, UV_RUN_DEFAULT);
  CHECK(g->closed == 1 && g->strange == 0);
  host_close(g);
}

static void two_threads_have_one_each(void) {
  uv_thread_t threads[2];
  for (int round = 0; round < 5; round++) {
    CHECK(uv_barrier_init(&opened, 2) == 0);
    CHECK(uv_thread_create(&threads[0], run_guest, &a) == 0 && uv_thread_create(&threads[1], run_guest, &b) == 0);
    uv_thread_join(&threads[0]);
    uv_thread_join(&threads[1]);
    uv_barrier_destroy(&opened);
  }
}

static void one_thread_runs_two_in_turns(void) {
  guest_open(&a, 1);
  guest_open(&b, 2);
  for (int i = 1; i <= 5; i++) {
    weft_loop_news(a.loop);
    weft_loop_news(b.loop);
    uv_run(&a.uv, UV_RUN_NOWAIT);
    CHECK(a.turns == i && b.turns == i - 1);
    uv_run(&b.uv, UV_RUN_NOWAIT);
    CHECK(a.turns == i && b.turns == i);
  }
  guest_end(&b);
  guest_end(&a);
}

static void timer_runs_b(uv_timer_t *timer) {
  uv_close((uv_handle_t *)timer, NULL);
  uv_run(&b.uv, UV_RUN_NOWAIT);
  CHECK(b.turns == 1);
}

/* Go has threads run other goroutines when uv_run has returned: these must not be taken for the loop. */
static void one_inside_another_leaves_the_thread_as_it_was(void) {
  uv_timer_t timer;
  guest_open(&a, 1);
  guest_open(&b, 2);
  a.by_go = b.by_go = 1;
  host_idles(&a);
  uv_timer_init(&a.uv, &timer);
  uv_timer_start(&timer, timer_runs_b, 1, 0);
  CHECK(weft_thread(0) == 0);
  uv_run(&a.uv, UV_RUN_DEFAULT);
  CHECK(a.turns == 1 && weft_thread(0) == 0);
  guest_end(&b);
  guest_end(&a);
}

int main(void) {
  nothing_keeps_the_host();
  work_that_the_hosts_last_handle_leaves_runs();
  what_the_host_itself_sends_is_not_left_behind();
  a_hosts_prepare_does_not_have_timers_wait();
  the_host_stops_and_runs_again();
  closing_without_a_detach_is_refused();
  a_host_closes_what_is_not_its_own(0);
  a_host_closes_what_is_not_its_own(1);
  is_adopted_once();
  another_thread_is_reported();
  a_hold_keeps_the_host();
  a_hold_keeps_no_run_that_is_refused();
  a_hold_keeps_a_loop_of_ours();
  adopts_by_way_of_go();
  another_libuv_is_refused();
  misuse_of_detach_has_codes();
  is_adopted_again_when_that_is_done();
  two_threads_have_one_each();
  one_thread_runs_two_in_turns();
  one_inside_another_leaves_the_thread_as_it_was();
  return 0;
}
