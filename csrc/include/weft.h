/* SPDX-License-Identifier: MIT
 *
 * weft.h: the C side of a weft loop. C99 and C++.
 *
 * "Any thread" functions never enter Go, and wait for nothing but a mutex that is held for a few instructions. They are
 * not for signal handlers. Those that return int return 0 or a negative code, whatever they are given; a token never
 * crashes. */
#ifndef WEFT_H
#define WEFT_H

#include <stdint.h>
#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return, beside 0. No code of libuv's has these numbers. */
enum {
  WEFT_FULL = -9001,      /* the stream has no room: nothing was taken. See weft_stream_on_room */
  WEFT_EALREADY = -9002,  /* it was resolved, rejected, ended or awaited before */
  WEFT_ECANCELED = -9003, /* nobody wants it any more */
  WEFT_ECLOSED = -9004,   /* its loop is closed */
  WEFT_ESTALE = -9005,    /* no such token, or one that ended long ago */
  WEFT_EFOREIGN = -9006,  /* another copy of weft in this process made it */
  WEFT_ETYPE = -9007,     /* it wants another type, or is a stream, or is none */
  WEFT_EINVAL = -9008,
  WEFT_ENOMEM = -9009,
  WEFT_ENOTHELD = -9010, /* it was released more often than held */
  WEFT_EOWNED = -9011,   /* Go runs this loop: it was not adopted */
  WEFT_ETHREAD = -9012,  /* another thread runs the loop */
  WEFT_EADOPT = -9013,   /* the loop cannot be adopted: the text says why, that of this thread's last weft_adopt */
  WEFT_ENOGO = -9014     /* there is no Go code that would adopt it */
};

/* The text of these codes and of libuv's; good until the thread's next call. Any thread. */
const char *weft_strerror(int code);

/* The version of this header; and that of the library that runs. Any thread. */
#define WEFT_VERSION "0.1.0"
const char *weft_version(void);

/* A libuv loop with what weft keeps beside it. Go makes it. It is good until its loop is closed, and beyond that for
 * whoever has called weft_ref, until weft_unref. */
typedef struct weft_loop weft_loop;
void weft_ref(weft_loop *loop);   /* any thread; of NULL nothing */
void weft_unref(weft_loop *loop); /* likewise */

/* The libuv loop, for libraries that attach to one; NULL for NULL, and when another copy of weft made it. Loop thread.
 */
uv_loop_t *weft_uv_loop(weft_loop *loop);

/* Has fn(loop, arg) called on the loop thread, in the order posted. After 0 it is called, when the loop closes at the
 * latest. Any thread. */
int weft_post(weft_loop *loop, void (*fn)(weft_loop *loop, void *arg), void *arg);

/* The write end of a Go promise, or of a stream of values. 0 is none. Of all resolves and rejects exactly one returns
 * 0. */
typedef uint64_t weft_token;

/* Any thread. The bytes are copied. The pointer is weft's from the call on, whatever it returns: drop (may be NULL) is
 * called once, unless it is NULL, here or on the loop thread, or when Go is done with it. The code of a rejection is
 * one of libuv's or of the above, the message (may be NULL) is copied; it also ends a stream. */
int weft_resolve_i(weft_token token, int64_t value);
int weft_resolve_p(weft_token token, void *p, void (*drop)(void *p));
int weft_resolve_b(weft_token token, const void *bytes, size_t len);
int weft_reject(weft_token token, int code, const char *message);

/* Any thread. A stream has room for so many values as Go has said, of which at least half is there when Go has read
 * everything. After WEFT_FULL, and only then, the pointer is still the caller's. Code 0 is a plain end. */
int weft_stream_push_i(weft_token token, int64_t value);
int weft_stream_push_p(weft_token token, void *p, void (*drop)(void *p));
int weft_stream_push_b(weft_token token, const void *bytes, size_t len);
int weft_stream_end(weft_token token, int code);

/* After 0, cb(arg) is called once, on the loop thread: when half the room is free (soon, when it is now), or the stream
 * is cancelled, ended or closed. WEFT_EALREADY: another one waits for room. Any thread. */
int weft_stream_on_room(weft_token token, void (*cb)(void *arg), void *arg);

/* Whether to produce the value is of no use any more: 0 while somebody wants it, else 1. Any thread. */
int weft_token_cancelled(weft_token token);

/* After 0, cb(arg) is called on the loop thread once the promise is cancelled, or its loop closes, before that has
 * settled it; never after a resolve, a reject or an end has returned 0. A second one takes the place of the first. Any
 * thread. */
int weft_token_on_cancel(weft_token token, void (*cb)(void *arg), void *arg);

/* A Go promise that was handed to C. After 0, cb is called once, on the loop thread, never inside this call: status 0
 * with the integer, or with value bytes at data, good during the call; or a negative code, and its text at data. Any
 * thread; only once. */
typedef uint64_t weft_promise;
typedef void (*weft_await_cb)(void *arg, int status, int64_t value, const void *data);
int weft_await(weft_promise promise, weft_await_cb cb, void *arg);

/* Has Go adopt a libuv loop that the caller runs: what Go starts on it goes on within the caller's uv_run. It touches
 * none of the caller's handles, nor loop->data. The first turn is one of the next uv_run. WEFT_EADOPT: another copy of
 * libuv made the loop, or a version that does not fit; WEFT_EALREADY: it is adopted. Loop thread: before uv_run, or in
 * a callback; the loop is that thread's, which has to detach it before it ends: nobody else can. */
int weft_adopt(uv_loop_t *uv, weft_loop **loop);

/* The weft loop that has adopted a libuv loop, NULL when none has. Loop thread: to another one it may be gone before a
 * weft_ref. */
weft_loop *weft_adopted(uv_loop_t *uv);

/* Ends an adoption: the next turns cancel Go's tasks and close Go's handles, no others. After 0, done(arg, left), which
 * may be NULL, is called once, in the last close callback; left is NULL, or names what Go has not ended in time. From
 * then on the loop may be adopted again, and, once that uv_run has returned, be closed; before, uv_loop_close fails
 * with UV_EBUSY. WEFT_EALREADY: that is under way; WEFT_ECLOSED: it is over, but after done has returned only whoever
 * has called weft_ref may ask. Loop thread. */
typedef void (*weft_detach_cb)(void *arg, const char *left);
int weft_detach(weft_loop *loop, weft_detach_cb done, void *arg);

/* weft_hold keeps a loop running that has nothing to do, until weft_release has been called as often: the uv_run of an
 * adopted loop does not return, nor does the Run of one that Go runs. A close or a detach does not wait for it. A loop
 * that may end at any moment is held first, on its own thread. Any thread. */
int weft_hold(weft_loop *loop);
int weft_release(weft_loop *loop);

#ifdef __cplusplus
}
#endif

#endif
