/* SPDX-License-Identifier: MIT
 *
 * engine.h: what package uv calls. C never calls Go: libuv's callbacks append records to an array, and Go, which makes
 * one call a turn, reads them in place. All functions are for the thread that runs the loop, those marked otherwise
 * apart.
 *
 * Loops and handles cross as uintptr_t: to Go they are numbers, which its collector need not look at. */
#ifndef WEFT_ENGINE_H
#define WEFT_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "../include/weft.h"

#if UV_VERSION_HEX < 0x012c00
#error "weft needs libuv 1.44 or newer: install a newer libuv1-dev (./ci/setup says how), or point pkg-config at one"
#endif

/* What happened, once. data belongs to the loop and lasts until the record has been drained; that of WEFT_ADDRS belongs
 * to whoever drains it. */
typedef struct {
  uint64_t token;
  int64_t value;
  void *data;
  int32_t status;
  int16_t kind;
  int16_t aux; /* what else there is to say: each kind has its own */
} weft_record;

enum {
  WEFT_PLAIN,  /* value and status say it all */
  WEFT_DATA,   /* value bytes at data */
  WEFT_ADDRS,  /* value weft_addr at data, to be freed with weft_addrs_free */
  WEFT_CONN,   /* value is a handle that was accepted, aux its uv_handle_type: to be closed by whoever drains it */
  WEFT_QUEUED, /* value bytes of a send have to wait; another record says when they have left */
  WEFT_FROM,   /* value bytes behind a weft_addr at data, of family 0 when there is none; aux: UV_UDP_ flags */
  WEFT_VALUE /* what C code has done with the weft_token that is the token here; aux is a WEFT_TYPE. data is NULL, or a
              * weft_item, to be freed by whoever drains it. Token 0: the last hold of a loop that Go runs has ended */
};

/* What Go asks for, to be done by the next turn. */
typedef struct {
  uintptr_t handle;
  uint64_t token;
  uintptr_t data;
  uint64_t len;
  uint64_t extra;
  int32_t op;
  int32_t flags;
} weft_sub;

enum {
  WEFT_WRITE, /* len bytes at data, which stay valid until the record */
  WEFT_SEND,  /* len bytes of the arena, from data on. Without WEFT_LOUD there is no record when they leave at once */
  WEFT_READ_START,
  WEFT_READ_STOP,
  WEFT_SHUTDOWN,
  WEFT_TIMER_START, /* len: timeout, extra: repeat, in ms */
  WEFT_TIMER_STOP,
  WEFT_CLOSE,
  WEFT_CLOSE_RESET,
  WEFT_UDP_SEND /* the weft_datagram at data in the arena. Without a token nobody hears of it */
};

/* Somebody waits for this send: it has a record in any case, of value len. */
enum { WEFT_LOUD = 1 };

/* The part of a loop that Go reads and writes between turns. */
typedef struct {
  uint64_t owner; /* the copy of this library that made the loop */
  weft_record *records;
  weft_sub *subs;
  uint32_t count;   /* records there */
  uint32_t drained; /* of these, what Go has taken */
  uint32_t nsubs;
  uint32_t subs_cap;
  int32_t alive; /* what uv_run has said */
  int32_t full;  /* the turn has read as much of something as it may: there may be more */
  char *arena;   /* bytes to send, good for one turn */
  uint64_t arena_used;
  uint64_t arena_cap;
  uint64_t now; /* uv_now after the turn, in ms */
  int64_t handles;
  int64_t requests;
  int64_t bytes; /* allocated and not freed, the loop itself included */
} weft_shared;

/* An IPv4 or IPv6 address; an IPv4 address takes the first four bytes. */
typedef struct {
  uint8_t ip[16];
  uint32_t scope;
  uint16_t port; /* host order */
  uint8_t family;
  uint8_t unused;
} weft_addr;

enum { WEFT_IPV4 = 4, WEFT_IPV6 = 6 };

/* What stands in the arena before the bytes of a datagram to send, on a multiple of 8. */
typedef struct {
  weft_addr to; /* family 0: where the socket is connected to */
  uint64_t len;
} weft_datagram;

/* What C code gives to Go through a token. */
enum {
  WEFT_TYPE_INT = 1,
  WEFT_TYPE_POINTER,
  WEFT_TYPE_BYTES,
  WEFT_TYPE_ERROR,
  WEFT_TYPE_END,    /* of a stream */
  WEFT_TYPE_PROMISE /* a token that is none: C waits for what Go gives */
};

/* Something that another thread has sent to a loop. */
typedef struct weft_item {
  struct weft_item *next;
  uint64_t token;
  int64_t value;
  void *data;           /* the pointer; or value bytes behind the item, and a NUL */
  void (*drop)(void *); /* what ends the pointer */
  union {
    void (*post)(weft_loop *loop, void *data);
    void (*back)(void *data);
    weft_await_cb await;
  } call;
  void *arg;
  int32_t status;
  int16_t type;
  int16_t what;
} weft_item;

typedef struct {
  uint64_t made;
  uint64_t settled; /* resolved, rejected, ended, awaited */
  uint64_t cancelled;
  uint64_t closed;  /* open when their loop closed */
  uint64_t refused; /* resolves, rejects, pushes and ends that returned a code */
} weft_token_counts;

/* token.c: any thread, while the loop is open, those marked apart */
uint64_t weft_token_new(uintptr_t loop, int type,
                        uint32_t room); /* room > 0: a stream. Returns 0 once the inbox is closed */
uint64_t weft_token_dead(int reason);   /* one that has ended when it is made */
int weft_token_cancel(uint64_t token);  /* loop thread: may call users' C code */
void weft_token_count(weft_token_counts *counts);
void weft_item_free(weft_item *item);
void weft_item_drop(weft_item *item); /* with its pointer */
void weft_drop(void (*drop)(void *p), void *p);

/* room.c: loop thread; may call users' C code */
void weft_stream_read(uint64_t token, uint32_t n); /* Go has read so many values */

/* await.c: loop thread; may call users' C code. It returns 1 when that was told; later on, a record of
 * WEFT_TYPE_PROMISE says so. */
int weft_promise_settle(uint64_t promise, int status, int64_t value, const void *bytes, size_t len);

/* inbox.c */
void weft_inbox_close(uintptr_t loop); /* calls users' C code */

/* What has to be the same in this library and in the Go code that uses it. */
#define WEFT_ENGINE                                                                                              \
  (sizeof(weft_record) | sizeof(weft_sub) << 8 | sizeof(weft_shared) << 16 | (uint64_t)sizeof(weft_item) << 32 | \
   (uint64_t)WEFT_TYPE_PROMISE << 48)
uint64_t weft_engine(void); /* this library's. Any thread */

/* loop.c */
int weft_loop_new(uintptr_t *loop);
weft_shared *weft_loop_shared(uintptr_t loop);
int weft_turn(uintptr_t loop, int mode);
void weft_loop_submit(uintptr_t loop); /* does what Go has asked for now: what follows finds it done */
int weft_subs_grow(uintptr_t loop);
int weft_arena_grow(uintptr_t loop, uint64_t more); /* room for so many bytes more */
void weft_loop_news(uintptr_t loop);                /* the next poll does not block */
int weft_loop_alive(uintptr_t loop);
void weft_loop_stop(uintptr_t loop);
int weft_loop_backend_fd(uintptr_t loop);
int weft_loop_backend_timeout(uintptr_t loop); /* in ms; -1: for ever */
enum { WEFT_BLOCK_SIGPROF, WEFT_IDLE_TIME, WEFT_IO_URING_SQPOLL };
int weft_loop_configure(uintptr_t loop, int option);
void weft_loop_update_time(uintptr_t loop);
int weft_loop_busy(uintptr_t loop); /* weft_loop_close would fail for handles or requests */
int weft_loop_close(uintptr_t loop);

/* metrics.c */
typedef struct {
  uint64_t loop_count;
  uint64_t events;
  uint64_t events_waiting;
} weft_metrics;
uint64_t weft_metrics_idle_time(uintptr_t loop); /* ns; any thread, while the loop is open */

/* walk.c */
typedef struct {
  uintptr_t handle; /* 0: not one of ours */
  int64_t fd;       /* -1: none */
  int32_t type;
  int32_t state;
} weft_info;
uint32_t weft_walk(uintptr_t loop, weft_info *infos, uint32_t room); /* returns how many there are */

/* adopt.c: loops that somebody else runs. The one place where C enters Go: enter is called with WEFT_HOST_TURN in the
 * host's uv_run, when there is news, and returns one of the answers below; frame is 0 when Go has looked before at
 * where on the stack it is, else Go says what it has found there, by weft_thread and weft_host_placed.
 * WEFT_HOST_STRANGE says that the thread is not the one that adopted, and expects nothing. WEFT_HOST_DETACH asks for
 * the end, of which frame is to be told; WEFT_HOST_MORE: that has begun before. WEFT_HOST_CLOSED comes in the last
 * close callback; weft_host_free is all that may follow. */
typedef uintptr_t (*weft_host_enter)(int what, uint64_t id, uintptr_t frame);
enum { WEFT_HOST_TURN, WEFT_HOST_STRANGE, WEFT_HOST_DETACH, WEFT_HOST_CLOSED };
enum { WEFT_HOST_DONE, WEFT_HOST_MORE, WEFT_HOST_NESTED /* no place to run Go's code: asks again */ };
int weft_host_check(const uv_loop_t *uv, char *text, size_t len);
int weft_host_open(uv_loop_t *uv, weft_host_enter enter, uint64_t id, int outside, uintptr_t *loop);
void weft_host_placed(uintptr_t loop, uintptr_t frame, int by_go);
int weft_host_close(uintptr_t loop);
void weft_host_free(uintptr_t loop);
uint64_t weft_host_id(uv_loop_t *uv); /* of the loop that has adopted it, 0: none has. Any thread */
int weft_host_lost(
    uintptr_t loop); /* the host has closed our handles: there is no turn, and will be none. Any thread */

/* adoption.c. What weft_adopt calls: it adopts, or returns a code, WEFT_EADOPT with a text. */
typedef int (*weft_adopter)(uv_loop_t *uv, char *text, size_t len);
void weft_adopter_set(weft_adopter adopt);           /* any thread */
void weft_end_left(uintptr_t end, const char *text); /* what had not ended; before WEFT_HOST_CLOSED returns */

/* hold.c: any thread, while the loop is open */
int weft_keep(uintptr_t loop, int by); /* Go's weft_hold and weft_release */
int weft_held(uintptr_t loop);         /* by whomever */

/* handle.c */
enum { WEFT_ACTIVE = 1, WEFT_HAS_REF = 2, WEFT_READABLE = 4, WEFT_WRITABLE = 8, WEFT_CLOSING = 16 };
int weft_handle_state(uintptr_t handle);
void weft_handle_ref(uintptr_t handle, int on);
int weft_handle_type(uintptr_t handle);
int weft_guess_handle(int fd); /* any thread */
int weft_handle_fileno(uintptr_t handle, int64_t *fd);
int weft_handle_buffer_size(uintptr_t handle, int sending, int *value); /* *value 0: asks; else sets */

/* timer.c, async.c */
int weft_timer_new(uintptr_t loop, uint64_t token, uintptr_t *handle);
int weft_timer_again(uintptr_t handle, uint64_t token);
void weft_timer_set_repeat(uintptr_t handle, uint64_t repeat);
uint64_t weft_timer_repeat(uintptr_t handle);
uint64_t weft_timer_due_in(uintptr_t handle);                          /* from the loop's time on */
int weft_async_new(uintptr_t loop, uint64_t token, uintptr_t *handle); /* token 0: only wakes the loop */
int weft_async_send(uintptr_t handle);                                 /* any thread, while the handle is open */

/* hook.c */
int weft_hook_new(uintptr_t loop, int type, uintptr_t *handle);
void weft_hook_start(uintptr_t handle, uint64_t token);
void weft_hook_stop(uintptr_t handle);

/* poll.c */
int weft_poll_new(uintptr_t loop, int64_t fd, int is_socket, uintptr_t *handle);
int weft_poll_start(uintptr_t handle, int events, uint64_t token);
void weft_poll_stop(uintptr_t handle);

/* tty.c. The modes are libuv's, the last of which it has since 1.51. */
enum { WEFT_TTY_RAW_VT = 3 };
int weft_tty_new(uintptr_t loop, int fd, uintptr_t *handle);
int weft_tty_set_mode(uintptr_t handle, int mode);
int weft_tty_reset_mode(void); /* any thread */
int weft_tty_winsize(uintptr_t handle, int *width, int *height);
void weft_tty_set_vterm_state(int on); /* any thread */
int weft_tty_vterm_state(int *on);     /* any thread */

/* stream.c. send is a handle to be passed along, 0: none. */
typedef struct {
  uintptr_t data;
  uint64_t len; /* of STREAM_CHUNK at most */
} weft_piece;
int weft_stream_write(uintptr_t handle, const weft_piece *pieces, uint32_t n, uintptr_t send, uint64_t token);
int64_t weft_stream_try_write(uintptr_t handle, const void *data, uint64_t len);
int64_t weft_stream_try_pass(uintptr_t handle, const void *data, uint64_t len, uintptr_t send);
uint64_t weft_stream_queue(uintptr_t handle);
int weft_stream_blocking(uintptr_t handle, int on);
int weft_stream_is_shut(uintptr_t handle); /* somebody has asked for its shutdown */

/* listener.c */
int weft_stream_listen(uintptr_t handle, int backlog, uint64_t token);
void weft_stream_taken(uintptr_t handle);
void weft_stream_retry(uintptr_t handle); /* after a record of a failure to accept: goes on */

/* tcp.c */
enum { WEFT_TCP_REUSEPORT = 2 }; /* UV_TCP_REUSEPORT, which older headers lack */
int weft_tcp_new(uintptr_t loop, uintptr_t *handle);
int weft_tcp_new_early(uintptr_t loop, int family, uintptr_t *handle); /* has its socket from the start */
int weft_tcp_open(uintptr_t handle, uintptr_t sock);
int weft_tcp_bind(uintptr_t handle, const weft_addr *addr, int flags);
int weft_tcp_connect(uintptr_t handle, const weft_addr *addr, uint64_t token);
int weft_tcp_nodelay(uintptr_t handle, int on);
int weft_tcp_keepalive(uintptr_t handle, int on, unsigned delay);
int weft_tcp_keepalive_ex(uintptr_t handle, int on, unsigned idle, unsigned interval, unsigned count); /* version.c */
int weft_tcp_linger(uintptr_t handle, int seconds); /* negative: the system's own way */
int64_t weft_tcp_unsent(uintptr_t handle);
int weft_tcp_simultaneous_accepts(uintptr_t handle, int on);
int weft_tcp_sockname(uintptr_t handle, weft_addr *addr);
int weft_tcp_peername(uintptr_t handle, weft_addr *addr);

/* pipe.c */
int weft_pipe_new(uintptr_t loop, int ipc, uintptr_t *handle);
int weft_pipe_open(uintptr_t handle, uintptr_t fd);
int weft_pipe_bind(uintptr_t handle, const char *name, size_t len);
int weft_pipe_connect(uintptr_t handle, const char *name, size_t len, uint64_t token);
int64_t weft_pipe_name(uintptr_t handle, int peer, char *buf, size_t len); /* its length */
int weft_pipe_chmod(uintptr_t handle, int mode);
void weft_pipe_instances(uintptr_t handle, int n);
int weft_pipe_pair(int read_flags, int write_flags, uintptr_t fds[2]);                            /* any thread */
int weft_socketpair(int type, int protocol, int flags_first, int flags_second, uintptr_t fds[2]); /* any thread */

/* udp.c */
enum { WEFT_UDP_REUSEPORT = 64 }; /* libuv's number: older headers lack it */
enum { WEFT_UDP_BROADCAST, WEFT_UDP_TTL, WEFT_UDP_MULTICAST_TTL, WEFT_UDP_MULTICAST_LOOP };
int weft_udp_new(uintptr_t loop, int family, int recvmmsg, uintptr_t *handle); /* family 0: no socket yet */
int weft_udp_open(uintptr_t handle, uintptr_t sock);
int weft_udp_open_ex(uintptr_t handle, uintptr_t sock, int flags);
int weft_udp_bind(uintptr_t handle, const weft_addr *addr, int flags);
int weft_udp_connect(uintptr_t handle, const weft_addr *addr); /* NULL: disconnects */
int weft_udp_sockname(uintptr_t handle, weft_addr *addr);
int weft_udp_peername(uintptr_t handle, weft_addr *addr);
int weft_udp_membership(uintptr_t handle, const weft_addr *group, const weft_addr *iface, const weft_addr *source,
                        int join); /* family 0: no interface, or any source */
int weft_udp_multicast_interface(uintptr_t handle, const weft_addr *iface);
int weft_udp_set(uintptr_t handle, int option, int value);
int64_t weft_udp_try_send(uintptr_t handle, uint64_t at,
                          uint64_t n); /* n datagrams in the arena, from at on: how many */
int weft_udp_recv_start(uintptr_t handle, uint64_t token);
int weft_udp_recv_stop(uintptr_t handle);
int weft_udp_using_recvmmsg(uintptr_t handle);
uint64_t weft_udp_queue_size(uintptr_t handle);
uint64_t weft_udp_queue_count(uintptr_t handle);

/* signal.c */
int weft_signal_new(uintptr_t loop, uintptr_t *handle);
int weft_signal_start(uintptr_t handle, int signum, int oneshot, uint64_t token);
void weft_signal_stop(uintptr_t handle);

/* process.c. The strings of a child stand one behind the other: file, directory (empty: this one), nargs, nenv. Its end
 * has a record: value is its status, aux the signal that has ended it. */
enum {
  WEFT_STDIO_MOST = 255,            /* Windows' limit */
  WEFT_PROCESS_EXACT_NAME = 1 << 7, /* UV_PROCESS_WINDOWS_FILE_PATH_EXACT_NAME, which older headers lack */
};
typedef struct {
  uint32_t flags;
  uint32_t nargs;
  uint32_t nenv;
  uint32_t nstdio;
  uint32_t uid;
  uint32_t gid;
} weft_spawn_options;
typedef struct {
  uintptr_t stream;
  int64_t fd;
  int32_t flags; /* uv_stdio_flags */
} weft_stdio;
int weft_spawn(uintptr_t loop, const weft_spawn_options *o, const char *strings, const weft_stdio *stdio,
               uint64_t token, uintptr_t *handle);
int weft_process_pid(uintptr_t handle);
int weft_process_kill(uintptr_t handle, int signum);
int weft_kill(int pid, int signum);        /* any thread */
void weft_disable_stdio_inheritance(void); /* any thread */

/* dns.c */
int weft_getaddrinfo(uintptr_t loop, const char *node, const char *service, int flags, int family, uint64_t token,
                     uintptr_t *req);
int weft_getaddrinfo_cancel(uintptr_t req);
void weft_addrs_free(uintptr_t loop, void *addrs, uint64_t n);

/* error.c: any thread */
void weft_error_text(int code, char *buf, size_t len);
void weft_error_name(int code, char *buf, size_t len);
int weft_error_of_system(int code); /* errno, GetLastError and WSAGetLastError */

/* version.c: any thread */
const char *weft_libuv_version(void);                   /* of the library that runs */
uint32_t weft_libuv_number(void);                       /* as in 0x012c02 */
uint32_t weft_libuv_header(void);                       /* of the header that this was built with, as in 0x012c02 */
int weft_metrics_info(uintptr_t loop, weft_metrics *m); /* loop thread */

/* Whether the libuv that runs is one that this was built for. If not, text says why, and what to do. UV_ENOTSUP: it is
 * older than the header. UV_EINVAL: its structs have other sizes. */
int weft_libuv_check(char *text, size_t len);

/* What is newer than 1.44. */
enum {
  WEFT_HAS_METRICS_INFO,
  WEFT_HAS_PIPE_BIND2,
  WEFT_HAS_REUSEPORT,
  WEFT_HAS_IO_URING_SQPOLL,
  WEFT_HAS_UDP_TRY_SEND2,
  WEFT_HAS_TTY_RAW_VT,
  WEFT_HAS_TCP_KEEPALIVE_EX,
  WEFT_HAS_UDP_OPEN_EX
};
int weft_libuv_has(int feature); /* in the header and in the library that runs */

/* thread.c: any thread. weft_thread(id) says that this thread runs the loop id, as seen from its Go code;
 * weft_thread(0) asks: the id, doubled, plus 1 when the caller sits inside a C frame that this Go code entered.
 * WEFT_THREAD_LEAVE ends it. */
#define WEFT_THREAD_LEAVE UINT64_MAX
uint64_t weft_thread(uint64_t id);
uint64_t weft_thread_number(void); /* of the calling thread; no other one ever has it, but one that stands in for it */
void weft_thread_stand_in(uint64_t number); /* for the thread of this number, while that waits; 0: no more */
int weft_thread_stands_in(void);
int weft_thread_foreign(
    int is); /* says that Go has not made it, if so; and returns whether that was said, or it stands in */

/* guard.c: any thread */
int weft_guard_missing(void);
int weft_guard_signal(int signum);
int weft_guard_watch(int signum); /* before a watcher starts; a matching unwatch after it has stopped */
void weft_guard_unwatch(int signum);
int weft_guard_handled(int signum);
int weft_guard_spawn(void);   /* before a child starts */
int weft_guard_install(void); /* for a loop that C code runs: its children, and the handlers that are there */
int weft_guard_pipe(void);    /* SIGPIPE: nothing happens, where it would end the process */

#endif
