/* SPDX-License-Identifier: MIT
 *
 * weft.h from threads: of all who resolve a token one wins, whatever is cancelled or closed meanwhile; and what nobody
 * takes is dropped once. */
#include <stdatomic.h>

#include "test.h"

#ifndef _WIN32
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#endif

#ifdef __SANITIZE_THREAD__ /* a thread takes milliseconds to start there */
enum { THREADS = 8, ROUNDS = 20 };
#else
enum { THREADS = 8, ROUNDS = 100 };
#endif

static _Atomic int dropped;

static void drop(void *p) {
  atomic_fetch_add(&dropped, 1);
  free(p);
}

typedef struct {
  int calls;
  int status;
  int64_t value;
  char text[64];
} awaited;

static void await_note(void *arg, int status, int64_t value, const void *data) {
  awaited *a = arg;
  a->calls++;
  a->status = status;
  a->value = value;
  snprintf(a->text, sizeof(a->text), "%s", data == NULL ? "" : (const char *)data);
}

static void post_nothing(weft_loop *loop, void *arg) {
  (void)loop;
  (void)arg;
}

static weft_token promise_of(uintptr_t loop, int type) {
  weft_token t = weft_token_new(loop, type, 0);
  CHECK(t != 0);
  return t;
}

/* Takes the next record as Go does: what it points to is the caller's. */
static weft_item *next_item(uintptr_t loop, weft_record *r) {
  while (weft_loop_shared(loop)->drained == weft_loop_shared(loop)->count)
    weft_turn(loop, UV_RUN_NOWAIT); /* tokens keep no loop */
  *r = test_next(loop);
  CHECK(r->kind == WEFT_VALUE);
  return r->data;
}

static weft_token_counts counted;

static void count_begin(void) { weft_token_count(&counted); }

static weft_token_counts count_since(void) {
  weft_token_counts now;
  weft_token_count(&now);
  return (weft_token_counts){now.made - counted.made, now.settled - counted.settled, now.cancelled - counted.cancelled,
                             now.closed - counted.closed, now.refused - counted.refused};
}

static void each_kind_arrives(void) {
  uintptr_t loop = test_loop();
  weft_record r;
  weft_token t = promise_of(loop, WEFT_TYPE_INT);
  CHECK(weft_resolve_b(t, "x", 1) == WEFT_ETYPE); /* changes nothing */
  CHECK(weft_resolve_p(t, malloc(1), drop) == WEFT_ETYPE && dropped == 1);
  CHECK(weft_stream_push_i(t, 1) == WEFT_ETYPE && weft_stream_end(t, 0) == WEFT_ETYPE);
  size_t wraps = SIZE_MAX; /* beside an item, in a sum */
  CHECK(weft_resolve_b(t, "x", wraps) == WEFT_EINVAL && weft_stream_push_b(t, "x", wraps) == WEFT_EINVAL);
  CHECK(weft_resolve_b(0, "x", wraps / 2) == WEFT_EINVAL);
  CHECK(weft_stream_on_room(t, drop, NULL) == WEFT_ETYPE && weft_await(t, await_note, NULL) == WEFT_ETYPE);
  CHECK(!weft_token_cancelled(t));
  CHECK(weft_resolve_i(t, 42) == 0);
  CHECK(weft_resolve_i(t, 43) == WEFT_EALREADY && weft_token_cancelled(t));
  CHECK(weft_token_on_cancel(t, drop, NULL) == WEFT_EALREADY);
  CHECK(next_item(loop, &r) == NULL && r.token == t && r.value == 42 && r.aux == WEFT_TYPE_INT);
  t = promise_of(loop, WEFT_TYPE_BYTES);
  CHECK(weft_resolve_b(t, NULL, 1) == WEFT_EINVAL && weft_resolve_b(t, "bytes", 5) == 0);
  weft_item *item = next_item(loop, &r);
  CHECK(r.value == 5 && memcmp(item->data, "bytes", 5) == 0);
  weft_item_free(item);
  t = promise_of(loop, WEFT_TYPE_POINTER);
  void *p = malloc(1);
  CHECK(weft_resolve_p(t, p, drop) == 0);
  item = next_item(loop, &r);
  CHECK(item->data == p && dropped == 1);
  weft_item_drop(item);
  CHECK(dropped == 2);
  t = promise_of(loop, WEFT_TYPE_POINTER);
  CHECK(weft_reject(t, 0, NULL) == WEFT_EINVAL && weft_reject(t, 1, NULL) == WEFT_EINVAL);
  CHECK(weft_reject(t, UV_ENOENT, "no such key") == 0);
  item = next_item(loop, &r);
  CHECK(r.status == UV_ENOENT && strcmp(item->data, "no such key") == 0);
  weft_item_free(item);
  dropped = 0;
  test_end(loop, NULL, 0);
}

/* What the threads of one test share. */
typedef struct {
  uintptr_t loop;
  weft_token token;
  uv_barrier_t start;
  _Atomic int won;
  _Atomic int codes[16]; /* by WEFT_FULL - code */
  _Atomic int others;
} race;

static void race_count(race *r, int err) {
  if (err == 0) {
    atomic_fetch_add(&r->won, 1);
  } else if (err <= WEFT_FULL && err > WEFT_FULL - 16) {
    atomic_fetch_add(&r->codes[WEFT_FULL - err], 1);
  } else {
    atomic_fetch_add(&r->others, 1);
  }
}

static int race_code(const race *r, int err) { return r->codes[WEFT_FULL - err]; }

static void resolve_later(void *arg) {
  race *r = arg;
  uv_sleep(20);
  race_count(r, weft_resolve_i(r->token, 1));
}

/* Hangs if the loop is not woken: nothing else ends its poll. */
static void a_sleeping_loop_is_woken(void) {
  uintptr_t loop = test_loop();
  uintptr_t timer;
  CHECK(weft_timer_new(loop, 0, &timer) == 0);
  test_submit(loop, (weft_sub){.handle = timer, .op = WEFT_TIMER_START, .len = 1 << 30});
  race r = {.loop = loop, .token = promise_of(loop, WEFT_TYPE_INT)};
  uv_thread_t thread;
  CHECK(uv_thread_create(&thread, resolve_later, &r) == 0);
  CHECK(test_next(loop).token == r.token);
  CHECK(uv_thread_join(&thread) == 0);
  test_end(loop, &timer, 1);
}

static void what_is_no_token_is_refused(void) {
  uintptr_t loop = test_loop();
  weft_token t = promise_of(loop, WEFT_TYPE_INT);
  CHECK(weft_resolve_i(0, 1) == WEFT_ESTALE);
  CHECK(weft_resolve_i(weft_token_dead(WEFT_ECANCELED), 1) == WEFT_ECANCELED);
  CHECK(weft_resolve_i(t ^ 1ull << 63, 1) == WEFT_EFOREIGN);
  CHECK(weft_resolve_i(t + (1 << 24), 1) == WEFT_ESTALE); /* another generation */
  CHECK(weft_resolve_i(t | 0xffffff, 1) == WEFT_ESTALE);  /* a slot that is not there */
  CHECK(weft_resolve_i(t, 1) == 0);
  /* Its slot is taken again after some others, and then it is stale. */
  int seen = 0;
  for (int i = 0; i < 2000 && seen == 0; i++) {
    CHECK(weft_resolve_i(promise_of(loop, WEFT_TYPE_INT), 1) == 0);
    seen = weft_resolve_i(t, 2) == WEFT_ESTALE;
    CHECK(seen || (i < 1000 && weft_resolve_i(t, 2) == WEFT_EALREADY));
  }
  CHECK(seen);
  while (weft_loop_close(loop) != 0) weft_loop_shared(loop)->drained = weft_loop_shared(loop)->count;
}

static void codes_have_texts(void) {
  for (int code = WEFT_ENOMEM; code <= WEFT_FULL; code++) {
    CHECK(strlen(weft_strerror(code)) > 5 && strstr(weft_strerror(code), "nknown") == NULL);
  }
  CHECK(strcmp(weft_strerror(UV_EOF), "end of file") == 0);
  CHECK(strcmp(weft_strerror(0), "no error") == 0);
}

static void race_threads(race *r, uv_thread_t *threads, uv_thread_cb f) {
  CHECK(uv_barrier_init(&r->start, THREADS + 1) == 0);
  for (int i = 0; i < THREADS; i++) CHECK(uv_thread_create(&threads[i], f, r) == 0);
  uv_barrier_wait(&r->start);
}

static void race_join(race *r, uv_thread_t *threads) {
  for (int i = 0; i < THREADS; i++) CHECK(uv_thread_join(&threads[i]) == 0);
  uv_barrier_destroy(&r->start);
}

static void resolve_once(void *arg) {
  race *r = arg;
  uv_barrier_wait(&r->start);
  race_count(r, weft_resolve_p(r->token, malloc(16), drop));
}

static void of_eight_threads_one_wins(void) {
  uintptr_t loop = test_loop();
  for (int round = 0; round < ROUNDS; round++) {
    race r = {.loop = loop, .token = promise_of(loop, WEFT_TYPE_POINTER)};
    uv_thread_t threads[THREADS];
    weft_record rec;
    dropped = 0;
    race_threads(&r, threads, resolve_once);
    weft_item *item = next_item(loop, &rec);
    race_join(&r, threads);
    CHECK(r.won == 1 && race_code(&r, WEFT_EALREADY) == THREADS - 1);
    CHECK(dropped == THREADS - 1);
    weft_item_drop(item);
    CHECK(dropped == THREADS);
  }
  test_end(loop, NULL, 0);
}

static void bump(void *n) { ++*(int *)n; }

/* What Go does with a value for which there is nobody left. */
static void drop_records(uintptr_t loop) {
  weft_shared *s = weft_loop_shared(loop);
  while (s->drained < s->count) {
    weft_item *item = s->records[s->drained++].data;
    if (item != NULL) weft_item_drop(item);
  }
}

static void cancel_against_eight_threads(void) {
  uintptr_t loop = test_loop();
  int cancels = 0;
  for (int round = 0; round < ROUNDS; round++) {
    race r = {.loop = loop, .token = promise_of(loop, WEFT_TYPE_POINTER)};
    uv_thread_t threads[THREADS];
    int told = 0;
    dropped = 0;
    CHECK(weft_token_on_cancel(r.token, bump, &told) == 0);
    race_threads(&r, threads, resolve_once);
    int err = weft_token_cancel(r.token);
    race_join(&r, threads);
    weft_turn(loop, UV_RUN_NOWAIT);
    drop_records(loop);
    CHECK(err == 0 ? r.won == 0 && race_code(&r, WEFT_ECANCELED) == THREADS
                   : err == WEFT_EALREADY && r.won == 1 && race_code(&r, WEFT_EALREADY) == THREADS - 1);
    CHECK(told == (err == 0));
    CHECK(dropped == THREADS);
    cancels += err == 0;
  }
  weft_token t = promise_of(loop, WEFT_TYPE_INT);
  CHECK(weft_token_cancel(t) == 0 && weft_token_cancel(t) == WEFT_ECANCELED);
  CHECK(weft_token_on_cancel(t, bump, &cancels) == WEFT_ECANCELED && weft_resolve_i(t, 1) == WEFT_ECANCELED);
  test_end(loop, NULL, 0);
}

static void close_loop(uintptr_t loop) {
  while (weft_loop_close(loop) != 0) drop_records(loop);
}

static void close_against_eight_threads(void) {
  for (int round = 0; round < ROUNDS; round++) {
    race r = {.loop = test_loop()};
    r.token = promise_of(r.loop, WEFT_TYPE_POINTER);
    uv_thread_t threads[THREADS];
    int told = 0;
    dropped = 0;
    CHECK(weft_token_on_cancel(r.token, bump, &told) == 0);
    race_threads(&r, threads, resolve_once);
    close_loop(r.loop);
    race_join(&r, threads);
    CHECK(r.others == 0 && r.won + told == 1 && dropped == THREADS);
    CHECK(race_code(&r, r.won ? WEFT_EALREADY : WEFT_ECLOSED) == THREADS - r.won);
  }
}

static void after_the_close_nothing_crashes(void) {
  count_begin();
  uintptr_t loop = test_loop();
  weft_loop *c = (weft_loop *)loop;
  weft_ref(c);
  weft_token t = promise_of(loop, WEFT_TYPE_INT), other = promise_of(loop, WEFT_TYPE_INT);
  CHECK(weft_resolve_i(other, 1) == 0);
  CHECK(weft_post(c, NULL, NULL) == WEFT_EINVAL && weft_post(NULL, NULL, NULL) == WEFT_EINVAL);
  CHECK(weft_uv_loop(c) != NULL);
  close_loop(loop);
  CHECK(weft_resolve_i(t, 1) == WEFT_ECLOSED && weft_resolve_i(other, 1) == WEFT_EALREADY);
  CHECK(weft_token_cancelled(t) && weft_token_cancel(t) == WEFT_ECLOSED);
  CHECK(weft_post(c, post_nothing, NULL) == WEFT_ECLOSED);
  weft_unref(c);
  weft_token_counts n = count_since();
  CHECK(n.made == 2 && n.settled == 1 && n.closed == 1 && n.cancelled == 0 && n.refused == 2);
}

typedef struct {
  weft_loop *loop;
  uv_thread_t loop_thread;
  _Atomic int accepted;
  int run; /* on the loop thread only */
} posts;

static void post_count(weft_loop *loop, void *arg) {
  posts *p = arg;
  uv_thread_t self = uv_thread_self();
  CHECK(loop == p->loop && uv_thread_equal(&self, &p->loop_thread));
  p->run++;
}

static void post_until_closed(void *arg) {
  posts *p = arg;
  for (int i = 0; i < 1000 && weft_post(p->loop, post_count, p) == 0; i++) atomic_fetch_add(&p->accepted, 1);
  weft_unref(p->loop);
}

static void accepted_posts_run_on_the_loop_thread(void) {
  for (int round = 0; round < ROUNDS / 5; round++) {
    uintptr_t loop = test_loop();
    posts p = {.loop = (weft_loop *)loop, .loop_thread = uv_thread_self()};
    uv_thread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
      weft_ref(p.loop);
      CHECK(uv_thread_create(&threads[i], post_until_closed, &p) == 0);
    }
    while (p.run < 100 * round) weft_turn(loop, UV_RUN_NOWAIT);
    CHECK(weft_loop_close(loop) == 0);
    for (int i = 0; i < THREADS; i++) CHECK(uv_thread_join(&threads[i]) == 0);
    CHECK(p.run == p.accepted);
  }
}

/* A thread that pushes numbers, and waits for room when there is none. */
typedef struct {
  weft_token token;
  uv_sem_t room;
  int64_t left;
  int full;
  int end;
} producer;

static void producer_has_room(void *arg) { uv_sem_post(&((producer *)arg)->room); }

static void produce(void *arg) {
  producer *p = arg;
  while (p->left > 0) {
    void *value = malloc(8);
    int err = weft_stream_push_p(p->token, value, drop);
    if (err == 0) {
      p->left--;
      continue;
    }
    p->end = err;
    if (err != WEFT_FULL) return;
    free(value); /* still ours */
    p->full++;
    err = weft_stream_on_room(p->token, producer_has_room, p);
    if (err != 0) continue;
    uv_sem_wait(&p->room);
  }
  p->end = weft_stream_end(p->token, 0);
}

static void streams_push_back(void) {
  uintptr_t loop = test_loop();
  for (uint32_t room = 1; room < 20; room += 6) {
    producer p = {.token = weft_token_new(loop, WEFT_TYPE_POINTER, room), .left = 1000};
    uv_thread_t thread;
    CHECK(uv_sem_init(&p.room, 0) == 0);
    dropped = 0;
    CHECK(uv_thread_create(&thread, produce, &p) == 0);
    int got = 0;
    uint32_t unread = 0;
    for (;;) {
      weft_record r;
      weft_item *item = next_item(loop, &r);
      if (r.aux == WEFT_TYPE_END) break;
      weft_item_drop(item);
      got++;
      if (++unread == (room + 1) / 2) {
        weft_stream_read(p.token, unread);
        unread = 0;
      }
    }
    CHECK(uv_thread_join(&thread) == 0);
    uv_sem_destroy(&p.room);
    CHECK(got == 1000 && dropped == 1000 && p.end == 0);
    CHECK(p.full > 0 || room > 1);
    CHECK(weft_stream_push_p(p.token, malloc(1), drop) == WEFT_EALREADY && dropped == 1001);
  }
  test_end(loop, NULL, 0);
}

static void room_is_told_at_the_end(void) {
  uintptr_t loop = test_loop();
  int told = 0;
  weft_token t = weft_token_new(loop, WEFT_TYPE_INT, 2);
  CHECK(weft_stream_on_room(t, bump, &told) == 0 && told == 0); /* there is room: soon */
  weft_turn(loop, UV_RUN_NOWAIT);
  CHECK(told == 1);
  CHECK(weft_stream_push_i(t, 1) == 0 && weft_stream_push_i(t, 2) == 0 && weft_stream_push_i(t, 3) == WEFT_FULL);
  CHECK(weft_resolve_i(t, 3) == WEFT_ETYPE);
  CHECK(weft_stream_on_room(t, bump, &told) == 0 && weft_stream_on_room(t, bump, &told) == WEFT_EALREADY);
  weft_token_cancel(t);
  CHECK(told == 2);
  for (int how = 0; how < 2; how++) {
    t = weft_token_new(loop, WEFT_TYPE_INT, 1);
    CHECK(weft_stream_push_i(t, 1) == 0 && weft_stream_on_room(t, bump, &told) == 0);
    if (how == 0) {
      CHECK(weft_reject(t, UV_EPIPE, NULL) == 0);
      weft_turn(loop, UV_RUN_NOWAIT);
      CHECK(told == 3);
    }
  }
  drop_records(loop);
  close_loop(loop);
  CHECK(told == 4);
}

static void promises_are_awaited(void) {
  uintptr_t loop = test_loop();
  awaited a = {.calls = 0};
  weft_promise p = weft_token_new(loop, WEFT_TYPE_PROMISE, 0);
  CHECK(weft_resolve_i(p, 1) == WEFT_ETYPE && weft_token_on_cancel(p, bump, &a) == WEFT_ETYPE);
  CHECK(weft_reject(p, UV_EPERM, NULL) == WEFT_ETYPE);
  CHECK(weft_await(p, NULL, NULL) == WEFT_EINVAL && weft_await(p, await_note, &a) == 0);
  CHECK(weft_await(p, await_note, &a) == WEFT_EALREADY);
  CHECK(weft_promise_settle(p, 0, 7, NULL, 0) == 1);
  CHECK(a.calls == 1 && a.status == 0 && a.value == 7);
  CHECK(weft_promise_settle(p, 0, 8, NULL, 0) == WEFT_EALREADY && weft_await(p, await_note, &a) == WEFT_EALREADY);
  p = weft_token_new(loop, WEFT_TYPE_PROMISE, 0); /* settled before anybody waits */
  CHECK(weft_promise_settle(p, 0, 0, "bytes", 5) == 0);
  CHECK(weft_await(p, await_note, &a) == 0 && a.calls == 1);
  weft_turn(loop, UV_RUN_NOWAIT);
  CHECK(a.calls == 2 && a.status == 0 && a.value == 5 && strcmp(a.text, "bytes") == 0);
  p = weft_token_new(loop, WEFT_TYPE_PROMISE, 0);
  CHECK(weft_promise_settle(p, UV_EIO, 0, "broken", 6) == 0 && weft_await(p, await_note, &a) == 0);
  weft_turn(loop, UV_RUN_NOWAIT);
  CHECK(a.calls == 3 && a.status == UV_EIO && a.value == 0 && strcmp(a.text, "broken") == 0);
  weft_promise waiting = weft_token_new(loop, WEFT_TYPE_PROMISE, 0), alone = weft_token_new(loop, WEFT_TYPE_PROMISE, 0);
  CHECK(weft_promise_settle(alone, 0, 0, "freed", 5) == 0 && weft_await(waiting, await_note, &a) == 0);
  close_loop(loop);
  CHECK(a.calls == 4 && a.status == WEFT_ECLOSED && strlen(a.text) > 0);
  CHECK(weft_await(alone, await_note, &a) == WEFT_ECLOSED && a.calls == 4);
}

static void do_nothing(void *arg) { (void)arg; }

/* Everything at once, on a loop that closes in the midst. */
static void use_all(void *arg) {
  race *r = arg;
  uv_barrier_wait(&r->start);
  for (int i = 0; i < 50; i++) {
    race_count(r, weft_stream_push_i(r->token, i));
    weft_token_cancelled(r->token);
    weft_stream_on_room(r->token, do_nothing, NULL);
    weft_token_on_cancel(r->token, do_nothing, NULL);
  }
}

static void streams_close_against_eight_threads(void) {
  for (int round = 0; round < ROUNDS / 2; round++) {
    race r = {.loop = test_loop()};
    r.token = weft_token_new(r.loop, WEFT_TYPE_INT, 64);
    uv_thread_t threads[THREADS];
    race_threads(&r, threads, use_all);
    int got = 0;
    for (int i = 0; i < round; i++) {
      weft_turn(r.loop, UV_RUN_NOWAIT);
      weft_shared *s = weft_loop_shared(r.loop);
      int n = (int)(s->count - s->drained);
      s->drained = s->count;
      weft_stream_read(r.token, (uint32_t)n);
      got += n;
    }
    while (weft_loop_close(r.loop) != 0) {
      weft_shared *s = weft_loop_shared(r.loop);
      got += (int)(s->count - s->drained);
      s->drained = s->count;
    }
    race_join(&r, threads);
    CHECK(r.others == 0 && got == r.won);
    CHECK(r.won + race_code(&r, WEFT_ECLOSED) + race_code(&r, WEFT_FULL) == THREADS * 50);
  }
}

#ifndef _WIN32

/* A thread stops after so many unlocks, until the loop is closed. */
static __thread int unlocks_left;
static sem_t closed;

/* Takes the place of libuv's. */
void uv_mutex_unlock(uv_mutex_t *mutex) {
  CHECK(pthread_mutex_unlock(mutex) == 0);
  if (unlocks_left == 0 || --unlocks_left > 0) return;
  while (sem_wait(&closed) != 0) CHECK(errno == EINTR);
}

static void post_end(weft_loop *loop, void *ended) {
  (void)loop;
  *(int *)ended = 1;
}

typedef struct {
  weft_loop *loop;
  weft_token token;
  weft_token stream;
  int ended;
} last_words;

static void note_room(void *ended) { *(int *)ended = 1; }

/* What this thread sends is what the loop ends for: it has no reference, and needs none. */
static void post_last(void *arg) {
  last_words *w = arg;
  unlocks_left = 1;
  CHECK(weft_post(w->loop, post_end, &w->ended) == 0);
}

static void resolve_last(void *arg) {
  last_words *w = arg;
  unlocks_left = 2;
  CHECK(weft_resolve_i(w->token, 1) == 0);
}

static void ask_for_room_last(void *arg) {
  last_words *w = arg;
  unlocks_left = 2;
  CHECK(weft_stream_on_room(w->stream, note_room, &w->ended) == 0);
}

/* The loop is closed while the thread has yet to wake it. */
static void a_loop_that_ends_for_what_was_sent_is_there_for_the_wake(void) {
  uv_thread_cb senders[] = {post_last, resolve_last, ask_for_room_last};
  CHECK(sem_init(&closed, 0, 0) == 0);
  for (int i = 0; i < 3; i++) {
    uintptr_t loop = test_loop();
    uv_thread_t thread;
    last_words w = {.loop = (weft_loop *)loop};
    w.token = promise_of(loop, WEFT_TYPE_INT);
    w.stream = weft_token_new(loop, WEFT_TYPE_INT, 4);
    CHECK(uv_thread_create(&thread, senders[i], &w) == 0);
    weft_shared *s = weft_loop_shared(loop);
    while (!w.ended && s->count == s->drained) weft_turn(loop, UV_RUN_NOWAIT);
    s->drained = s->count;
    CHECK(weft_loop_close(loop) == 0);
    CHECK(sem_post(&closed) == 0);
    uv_thread_join(&thread);
  }
}

#endif

int main(void) {
  each_kind_arrives();
  a_sleeping_loop_is_woken();
  what_is_no_token_is_refused();
  codes_have_texts();
  of_eight_threads_one_wins();
  cancel_against_eight_threads();
  close_against_eight_threads();
  after_the_close_nothing_crashes();
  accepted_posts_run_on_the_loop_thread();
  streams_push_back();
  room_is_told_at_the_end();
  promises_are_awaited();
  streams_close_against_eight_threads();
#ifndef _WIN32
  a_loop_that_ends_for_what_was_sent_is_there_for_the_wake();
#endif
  return 0;
}
