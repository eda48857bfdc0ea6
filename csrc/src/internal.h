/* SPDX-License-Identifier: MIT
 *
 * internal.h: what the files of this library share. */
#ifndef WEFT_INTERNAL_H
#define WEFT_INTERNAL_H

#include <stdlib.h>
#include <string.h>

#include "engine.h"

/* A piece of memory that reads are cut from. */
typedef struct weft_slab weft_slab;

enum { WEFT_ITEM_VALUE, WEFT_ITEM_POST, WEFT_ITEM_CALL, WEFT_ITEM_AWAIT };

/* What other threads have sent. */
typedef struct {
  uv_mutex_t mutex;
  uv_async_t async;
  weft_item *first;
  weft_item **last;
  int closed;
  int released; /* the last hold has ended since the inbox was read */
  int here;     /* the host's own thread has sent since then: its uv_run may end without a poll */
} weft_inbox;

/* What an adopted loop has beside the rest. */
typedef struct weft_host weft_host;

enum { WEFT_SPARES = 3 }; /* more than one: another thread may take one before libuv has it */

struct weft_loop {
  weft_shared shared; /* first: Go has its address */
  uv_loop_t *uv;
  uint32_t records_cap;
  int idling;     /* the idle handle runs: the next poll does not block */
  uv_idle_t idle; /* does nothing */
#ifndef _WIN32
  uv_prepare_t prepare; /* loops of ours: runs last before the poll */
#endif
  weft_slab *slab; /* where the next read goes; older ones behind it */
  char *scratch;   /* where libuv puts datagrams, to be copied into slabs */
  size_t scratch_size;
  int nslabs;
  int ndatagrams;          /* of these, those that datagrams have added */
  int asked;               /* since the last turn something could be read */
  int starved;             /* something that could be read was not, in this round */
  uint32_t eager;          /* how many have more to read than their share */
  uint32_t share;          /* bytes that a handle may read in this turn */
  uint64_t lap;            /* turns in which something could be read, from 1 on */
  uint64_t round;          /* the first lap of the round */
  int spares[WEFT_SPARES]; /* file descriptors */
  int nspares;
  int hides;  /* hidden has libuv's own spare descriptor */
  int hidden; /* -1: it has none */
  weft_inbox inbox;
  int32_t tokens_first; /* the number of the first open token's slot, plus 1; under the table's mutex */
  int tokens_closed;    /* there will be no more; under the same */
  _Atomic int refs;     /* the last one frees this structure */
  _Atomic int holds;    /* C's, not released; under the inbox's mutex */
  _Atomic int kept;     /* Go's */
  int held;             /* the inbox's handle is referenced */
  weft_host *host;      /* who runs it, if that is somebody else */
  uint32_t children;    /* that libuv waits for */
  uint32_t ends;        /* weft__guard_ends when they were looked at last */
  uv_loop_t own;
};

/* A token's, open or given up. */
typedef struct {
  weft_loop *loop; /* NULL: given up */
  void (*on_cancel)(void *);
  void *on_cancel_arg;
  void (*on_room)(void *);
  void *on_room_arg;
  weft_await_cb await;
  void *await_arg;
  weft_item *outcome; /* of a promise that nobody waits for yet */
  uint32_t generation;
  int32_t ended; /* 0: open; else what users of the token are told */
  int32_t prev;  /* open: of the same loop; given up: next is the one given up after it */
  int32_t next;
  uint32_t room;   /* streams: how many values may be there that Go has not read */
  uint32_t inside; /* how many there are */
  int16_t type;
} weft_slot;

/* What stands before each request. */
typedef struct weft_req {
  weft_loop *loop;
  uint64_t token; /* 0: its end was told of already */
  uint64_t len;
  uint64_t size;
  struct weft_req *next;    /* writes: the next one to the same stream */
  struct weft_handle *sent; /* writes: the handle that is passed along; NULL: none */
  int32_t status;
  int32_t done; /* writes: libuv has called back */
} weft_req;

/* What stands before each handle, in one piece of memory with it. The loop frees it in the close callback. */
typedef struct weft_handle {
  weft_loop *loop;
  uint64_t token;       /* of the handle's own events: reads, connections, timers, asyncs */
  uint64_t close_token; /* of its end; 0: nobody asked */
  weft_req *writes;     /* streams: those that libuv has, the oldest first */
  weft_req *last_write;
  uint64_t lap; /* streams, UDP: when it was last read; 0: never */
  uint32_t got; /* streams, UDP: bytes that were read then */
  uint32_t size;
  uint16_t untaken;   /* listeners: connections that Go has not taken yet */
  uint16_t starved;   /* listeners: connections that libuv holds back until Go takes some */
  int32_t broken;     /* streams: the error of the connection that a write has learned of; 0: none */
  int32_t paused;     /* listeners: the failure after which nothing is accepted until Go says so; 0: none */
  uint32_t last;      /* polls: where their last record lies */
  int32_t ended;      /* streams: the status after which nothing is read any more; 0: none */
  int32_t refused;    /* streams: why the system cannot wait for the descriptor; 0: it can */
  int32_t lost;       /* the error with which the system ceased to watch the descriptor; 0: it did not */
  uint32_t lent;      /* writes under way that pass this handle along */
  uint8_t gone;       /* closed, and freed when it is lent no longer */
  uint8_t connecting; /* streams: libuv has a connect request */
  uint8_t shut;       /* streams: shutdown was asked for */
  uint8_t listens;    /* streams: they do, and libuv may still believe that they can be written */
  uint8_t called;     /* listeners: libuv has called back since its last look for connections began */
  uint8_t passes;     /* listening pipes: handles are passed over their connections */
  uint8_t recverr;    /* UDP: the system queues errors for it */
  uint8_t connected;  /* UDP: datagrams go to one address, and none may name one */
  uint8_t waits;      /* streams, UDP: it got no memory because it has read its share, or the turn's is used up */
#ifdef _WIN32
  char *typed; /* terminals: what reads go into, WEFT_TTY_LINE bytes; NULL: none yet */
#endif
} weft_handle;

enum { WEFT_TTY_LINE = 8192 }; /* libuv reads no more of a console at a time */

static inline weft_loop *weft__loop(uintptr_t loop) { return (weft_loop *)loop; }

static inline uv_handle_t *weft__uv(uintptr_t handle) { return (uv_handle_t *)((weft_handle *)handle + 1); }

static inline weft_handle *weft__of_handle(void *uv) { return (weft_handle *)uv - 1; }

static inline weft_req *weft__of_req(void *uv) { return (weft_req *)uv - 1; }

/* memory.c: malloc, counted. weft__calloc returns NULL when there is none. */
void *weft__calloc(weft_loop *loop, size_t size);
void *weft__realloc(weft_loop *loop, void *p, size_t old, size_t size);
void weft__free(weft_loop *loop, void *p, size_t size);

/* inbox.c */
int weft__inbox_open(weft_loop *loop);
void weft__inbox_read(weft_loop *loop);
int weft__inbox_shut(const weft_loop *loop); /* nothing comes in any more. Any thread, which has the mutex */
int weft__inbox_add(weft_loop *loop,
                    weft_item *item);   /* any thread. > 0: wake has to be called, and the loop is kept */
void weft__inbox_wake(weft_loop *loop); /* any thread, after add. The loop is kept no longer */

/* token.c: any thread */
uint64_t weft__token_owner(void);
void weft__token_lock(void);
void weft__token_unlock(void);
int weft__token_find(uint64_t token, weft_slot **slot);
void weft__token_end(weft_slot *slot, int reason);
weft_item *weft__token_end_all(weft_loop *loop);
weft_item *weft__item_new(uint64_t token, int type, const void *bytes, size_t len); /* NULL: no memory */

/* room.c */
weft_item *weft__slot_room(weft_slot *slot);

/* await.c */
void weft__item_await(weft_item *item, const weft_slot *slot, int status);

/* hold.c */
int weft__held(const weft_loop *loop); /* any thread */
void weft__hold_apply(weft_loop *loop);
void weft__hold_end(weft_loop *loop);

/* adopt.c */
int weft__host_owns(const weft_loop *loop, const uv_handle_t *uv);
int weft__host_here(const weft_loop *loop); /* this is its thread */
int weft__host_lost(weft_loop *loop);       /* it has closed our handles as well. Any thread, loops of ours too */
int weft__host_detach(weft_loop *loop, uintptr_t end);

/* adoption.c */
const char *weft__adoption_text(void); /* of this thread's last weft_adopt that failed */
void weft__end(uintptr_t end);         /* tells C, if there is one, and frees it */

/* loop.c */
int weft__loop_init(uv_loop_t *uv); /* uv_loop_init, an error where that would abort */
int weft__loop_owns(const weft_loop *loop, const uv_handle_t *uv);
void weft__loop_drained(weft_loop *loop);
void weft__loop_free(weft_loop *loop);

/* thread.c: whose the calling thread is */
typedef struct {
  uint64_t id; /* of the loop; 0: nobody's */
  uintptr_t frame;
  int is_outside; /* no turn of the loop is under way */
} weft_mark;

weft_mark weft__thread_mark(void);
void weft__thread_put(weft_mark mark);
void weft__thread_set(uint64_t id, uintptr_t frame);
void weft__thread_outside(uint64_t id, uintptr_t frame);

/* record.c */
void weft__record(weft_loop *loop, weft_record r); /* the next poll does not block */
void weft__append(weft_loop *loop, weft_record r); /* it may: the record waits for its end */

/* handle.c */
uintptr_t weft__handle_new(weft_loop *loop, uv_handle_type type, uint64_t token);
void weft__handle_drop(uintptr_t handle); /* one whose init failed */
void weft__handle_back(weft_handle *h);   /* is lent no longer */
void weft__handle_close(weft_loop *loop, const weft_sub *sub);

int weft__handle_state(const uv_handle_t *uv);
int64_t weft__handle_fd(const uv_handle_t *uv); /* -1: none */

/* version.c */
int weft__tty_raw_vt(uv_tty_t *tty);
typedef struct {
  const char *name;
  size_t header; /* by the header that this was built with */
  size_t runs;   /* by the library that runs */
} weft_size;
int weft__libuv_compare(uint32_t runs, const weft_size *sizes, size_t n, char *text, size_t len);
int weft__loop_sqpoll(weft_loop *loop);
int weft__process_flags(unsigned *flags); /* UV_EINVAL for those that libuv would abort for */

/* req.c */
void *weft__req_new(weft_loop *loop, uv_req_type type, uint64_t token, size_t extra); /* extra bytes behind it */
void weft__req_free(void *uv);
void weft__req_fail(void *uv, int status); /* tells of its end while libuv has it still */

/* stream.c */
uint32_t weft__stream_write(weft_loop *loop, const weft_sub *sub, uint32_t n); /* returns how many it did */
void weft__stream_read_start(weft_loop *loop, const weft_sub *sub);
void weft__stream_read_stop(const weft_sub *sub);
void weft__stream_shutdown(weft_loop *loop, const weft_sub *sub);
void weft__stream_lost(weft_handle *h, int reads); /* so is its descriptor: whoever waits is told */
void weft__stream_opened(uintptr_t handle);        /* it has got a descriptor that may be of any kind */
uv_connect_t *weft__stream_connect(uintptr_t handle, uint64_t token); /* NULL: no memory */
int weft__stream_connecting(uv_connect_t *req, int err);              /* after the call that it was made for */
void weft__stream_on_connect(uv_connect_t *req, int status);

/* tty.c */
void weft__tty_close(uintptr_t handle);                      /* about to be closed */
uv_buf_t weft__tty_buffer(weft_handle *h);                   /* to read into */
void weft__tty_last(uv_stream_t *tty);                       /* what the end has left unread */
char *weft__tty_taken(weft_handle *h, char *base, size_t n); /* what was read, until it is drained. NULL: no memory */

/* pipe.c */
void weft__pipe_take(uv_stream_t *pipe); /* the handles that have come with the bytes just read */

/* version.c */
struct uv__io_s; /* Windows has none */
typedef void (*weft_io_cb)(uv_loop_t *uv, struct uv__io_s *w, unsigned events);
weft_io_cb weft__stream_watch(uv_stream_t *s, weft_io_cb cb); /* returns whom it replaces; NULL: it cannot */
int weft__pipe_bind(uv_pipe_t *pipe, const char *name, size_t len);
int weft__pipe_connect(uv_connect_t *req, uv_pipe_t *pipe, const char *name, size_t len, uv_connect_cb cb);
int weft__tcp_bind(uv_tcp_t *tcp, const struct sockaddr *addr, unsigned flags);

/* share.c */
enum { WEFT_TURN_READS = 1 << 20 }; /* what a turn reads of streams, about */
void weft__share_init(weft_loop *loop);
void weft__share_turn(weft_loop *loop);        /* a turn begins */
int weft__share_ask(weft_handle *h, int room); /* whether h may read now; room: the turn has memory left for it */

/* slab.c */
uv_buf_t weft__slab_rest(weft_handle *h);
void weft__slab_take(weft_handle *h, size_t n);
unsigned weft__slab_datagrams(const weft_loop *loop);   /* for how many of the largest datagrams there is room */
void *weft__slab_keep(weft_loop *loop, size_t n);       /* takes n bytes; NULL: there is no memory */
char *weft__slab_scratch(weft_loop *loop, size_t size); /* NULL: there is no memory */
void weft__slab_reset(weft_loop *loop);
void weft__slab_free(weft_loop *loop);

/* spare.c */
int weft__spare_fill(weft_loop *loop);
int weft__spare_give(weft_loop *loop);
void weft__spare_hide(weft_loop *loop);
int weft__spare_show(weft_loop *loop); /* returns whether it was hidden */
int weft__spare_wanted(void);          /* the process cannot open a descriptor */

/* process.c */
int weft__process_left(const uv_process_t *process);
void weft__process_check(weft_loop *loop); /* after each poll */

/* guard.c */
int weft__guard_children(void);
uint32_t weft__guard_ends(void); /* how often SIGCHLD has come */

/* reap.c */
void weft__reap_adopt(int pid); /* a child whose handle is closed */
void weft__reap(void);          /* any thread, and signal handlers */

/* timer.c */
void weft__timer_start(const weft_sub *sub);
void weft__timer_stop(const weft_sub *sub);

/* poll.c */
int weft__poll_refused(weft_loop *loop, const uv_handle_t *uv); /* why libuv would abort in the poll; 0: it would not */
void weft__poll_close(weft_loop *loop, uv_handle_t *uv, uv_close_cb cb);
int weft__poll_ask(const uv_loop_t *uv, int fd);

/* tcp.c */
int weft__tcp_probes(uv_tcp_t *tcp, int on, unsigned idle, unsigned interval, unsigned count);

/* standard.c */
void weft__standard_fill(void);             /* before libuv makes a descriptor */
void weft__standard_avoid(uv_handle_t *uv); /* after it has accepted one */

/* register.c */
int weft__register_ask(
    const uv_loop_t *uv); /* why libuv would abort for descriptors of a new loop's own; 0: it would not */
void weft__register_open(weft_loop *loop);
void weft__register_close(weft_loop *loop);
int weft__register_owns(const weft_loop *loop, const uv_handle_t *uv);
void weft__register(weft_loop *loop); /* before each poll */

/* addr.c */
int weft__addr_from(const weft_addr *a, struct sockaddr_storage *sa);
int weft__addr_to(const struct sockaddr *sa, weft_addr *a);
enum { WEFT_ADDR_TEXT = 64 + UV_IF_NAMESIZE };
int weft__addr_text(const weft_addr *a, char *text); /* with its scope, as libuv reads it */

/* udp.c */
void weft__udp_lost(weft_handle *h, int reads);
void weft__udp_note(uintptr_t handle); /* what a socket that was opened brings along */
uint32_t weft__udp_send(weft_loop *loop, const weft_sub *sub, uint32_t n); /* returns how many it did */

/* version.c */
int weft__udp_open_ex(uv_udp_t *udp, uv_os_sock_t sock, unsigned flags);
int weft__udp_bind(uv_udp_t *udp, const struct sockaddr *addr, unsigned flags);
int weft__udp_try_send(uv_udp_t *udp, unsigned n, uv_buf_t *bufs[], unsigned nbufs[], struct sockaddr *addrs[]);

#endif
