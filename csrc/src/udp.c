/* SPDX-License-Identifier: MIT
 *
 * What libuv's callback says of a datagram, and what becomes of it: bytes or none, with an address, are a record;
 * nothing without an address is none; an error is one. With recvmmsg libuv cuts one buffer into chunks and says when
 * that is done, but not when receiving has been stopped in between: the buffer is the loop's at all times. */
#include <stddef.h>

#include "internal.h"

#ifdef __linux__
#include <errno.h>
#include <netinet/in.h>
#include <time.h>
/* after time.h, which it forgets */
#include <linux/errqueue.h>
#endif

enum {
  UDP_DATAGRAM = 64 * 1024, /* the chunks of recvmmsg too are of that size */
  UDP_CHUNKS = 20,          /* libuv uses no more */
  UDP_BATCH = 20,           /* datagrams that leave together, where libuv can do that */
  UDP_ERRORS = 32           /* read from the queue at a time */
};

static uv_udp_t *udp_of(uintptr_t handle) { return (uv_udp_t *)weft__uv(handle); }

int weft_udp_new(uintptr_t lp, int family, int recvmmsg, uintptr_t *handle) {
  weft_loop *loop = weft__loop(lp);
  unsigned flags = AF_UNSPEC;
  if (family == WEFT_IPV4) flags = AF_INET;
  if (family == WEFT_IPV6) flags = AF_INET6;
  if (recvmmsg) flags |= UV_UDP_RECVMMSG;
  *handle = weft__handle_new(loop, UV_UDP, 0);
  if (*handle == 0) return UV_ENOMEM;
  int err = uv_udp_init_ex(loop->uv, udp_of(*handle), flags);
  if (err != 0) weft__handle_drop(*handle);
  return err;
}

/* The errors that a socket has in its queue make every poll return at once, until they are read. libuv 1.44 asks for
 * the queue, for UV_UDP_LINUX_RECVERR, and never reads it. */
#ifdef __linux__
static int udp_has_recverr(uv_os_sock_t sock) {
  int on4 = 0, on6 = 0;
  socklen_t len = sizeof(on4);
  getsockopt(sock, IPPROTO_IP, IP_RECVERR, &on4, &len);
  len = sizeof(on6);
  getsockopt(sock, IPPROTO_IPV6, IPV6_RECVERR, &on6, &len);
  return on4 || on6;
}
#else
static int udp_has_recverr(uv_os_sock_t sock) {
  (void)sock;
  return 0;
}
#endif

static void udp_note_recverr(uintptr_t handle) {
  uv_os_fd_t fd;
  int err = uv_fileno(weft__uv(handle), &fd);
  ((weft_handle *)handle)->recverr = err == 0 && udp_has_recverr((uv_os_sock_t)fd);
}

void weft__udp_note(uintptr_t handle) {
  struct sockaddr_storage sa;
  int len = sizeof(sa);
  udp_note_recverr(handle);
  ((weft_handle *)handle)->connected = uv_udp_getpeername(udp_of(handle), (struct sockaddr *)&sa, &len) == 0;
}

/* Whether datagrams can be received from a socket, with an address if it is to be read with recvmmsg: of an unnamed
 * Unix socket libuv then makes one up. */
static int udp_may_open(uintptr_t handle, uintptr_t number) {
  uv_os_sock_t sock = (uv_os_sock_t)number;
  if ((uintptr_t)sock != number) return UV_EBADF; /* cut off, it would be another one */
  if (((weft_handle *)handle)->lost) return ((weft_handle *)handle)->lost;
  int type = 0;
  socklen_t len = sizeof(type);
  if (getsockopt(sock, SOL_SOCKET, SO_TYPE, (void *)&type, &len) != 0) return UV_ENOTSOCK; /* or nothing at all */
  if (type == SOCK_STREAM) return UV_EINVAL;
#ifndef _WIN32
  struct sockaddr_storage sa;
  len = sizeof(sa);
  if (!uv_udp_using_recvmmsg(udp_of(handle)) || getsockname(sock, (struct sockaddr *)&sa, &len) != 0) return 0;
  if (sa.ss_family != AF_INET && sa.ss_family != AF_INET6) return UV_EINVAL;
#else
  (void)handle;
#endif
  return 0;
}

int weft_udp_open(uintptr_t handle, uintptr_t sock) {
  int err = udp_may_open(handle, sock);
  if (err == 0) err = uv_udp_open(udp_of(handle), (uv_os_sock_t)sock);
  if (err == 0) weft__udp_note(handle);
  return err;
}

int weft_udp_open_ex(uintptr_t handle, uintptr_t sock, int flags) {
  int err = udp_may_open(handle, sock);
  if (err == 0) err = weft__udp_open_ex(udp_of(handle), (uv_os_sock_t)sock, (unsigned)flags);
  if (err == 0) weft__udp_note(handle);
  return err;
}

int weft_udp_bind(uintptr_t handle, const weft_addr *addr, int flags) {
  struct sockaddr_storage sa;
  int err = weft__addr_from(addr, &sa);
  if (err == 0) err = weft__udp_bind(udp_of(handle), (const struct sockaddr *)&sa, (unsigned)flags);
  if (flags & UV_UDP_LINUX_RECVERR) udp_note_recverr(handle);
  return err;
}

int weft_udp_connect(uintptr_t handle, const weft_addr *addr) {
  struct sockaddr_storage sa;
  int err = addr == NULL ? 0 : weft__addr_from(addr, &sa);
  if (err == 0) err = uv_udp_connect(udp_of(handle), addr == NULL ? NULL : (const struct sockaddr *)&sa);
  if (err == 0) ((weft_handle *)handle)->connected = addr != NULL;
  return err;
}

static int udp_name(int (*get)(const uv_udp_t *, struct sockaddr *, int *), uintptr_t handle, weft_addr *addr) {
  struct sockaddr_storage sa;
  int len = sizeof(sa);
  int err = get(udp_of(handle), (struct sockaddr *)&sa, &len);
  if (err != 0) return err;
  return weft__addr_to((const struct sockaddr *)&sa, addr);
}

int weft_udp_sockname(uintptr_t handle, weft_addr *addr) { return udp_name(uv_udp_getsockname, handle, addr); }

int weft_udp_peername(uintptr_t handle, weft_addr *addr) { return udp_name(uv_udp_getpeername, handle, addr); }

/* An address as text, NULL for none. */
static int udp_text(const weft_addr *addr, char *text, const char **p) {
  *p = addr->family != 0 ? text : NULL;
  return addr->family != 0 ? weft__addr_text(addr, text) : 0;
}

int weft_udp_membership(uintptr_t handle, const weft_addr *group, const weft_addr *iface, const weft_addr *source,
                        int join) {
  char texts[3][WEFT_ADDR_TEXT];
  const char *g, *i, *s;
  int err = udp_text(group, texts[0], &g);
  if (err == 0) err = udp_text(iface, texts[1], &i);
  if (err == 0) err = udp_text(source, texts[2], &s);
  if (err != 0) return err;
  uv_membership membership = join ? UV_JOIN_GROUP : UV_LEAVE_GROUP;
  if (s == NULL) return uv_udp_set_membership(udp_of(handle), g, i, membership);
  return uv_udp_set_source_membership(udp_of(handle), g, i, s, membership);
}

int weft_udp_multicast_interface(uintptr_t handle, const weft_addr *iface) {
  char text[WEFT_ADDR_TEXT];
  const char *i;
  int err = udp_text(iface, text, &i);
  return err != 0 ? err : uv_udp_set_multicast_interface(udp_of(handle), i);
}

int weft_udp_set(uintptr_t handle, int option, int value) {
  uv_udp_t *udp = udp_of(handle);
  switch (option) {
    case WEFT_UDP_BROADCAST:
      return uv_udp_set_broadcast(udp, value);
    case WEFT_UDP_TTL:
      return uv_udp_set_ttl(udp, value);
    case WEFT_UDP_MULTICAST_TTL:
      return uv_udp_set_multicast_ttl(udp, value);
    case WEFT_UDP_MULTICAST_LOOP:
      return uv_udp_set_multicast_loop(udp, value);
  }
  return UV_EINVAL;
}

/* Datagrams of the arena, as libuv takes them. */
typedef struct {
  uv_buf_t buf[UDP_BATCH];
  struct sockaddr_storage addr[UDP_BATCH];
  uv_buf_t *bufs[UDP_BATCH];
  unsigned nbufs[UDP_BATCH];
  struct sockaddr *addrs[UDP_BATCH]; /* NULL: where the socket is connected to */
} udp_batch;

static weft_datagram *udp_datagram(const weft_loop *loop, uint64_t at) {
  return (weft_datagram *)(loop->shared.arena + at);
}

static void udp_put(udp_batch *b, unsigned i, weft_datagram *d) {
  b->buf[i] = uv_buf_init((char *)(d + 1), (unsigned)d->len);
  b->bufs[i] = &b->buf[i];
  b->nbufs[i] = 1;
  b->addrs[i] = weft__addr_from(&d->to, &b->addr[i]) == 0 ? (struct sockaddr *)&b->addr[i] : NULL;
}

/* Those that name an address where none may stand, or none where one has to, go alone: libuv looks at them only then.
 */
static int udp_try(uv_udp_t *udp, udp_batch *b, unsigned i, unsigned n) {
  unsigned fit = i;
  if (weft__of_handle(udp)->lost) return weft__of_handle(udp)->lost;
  while (fit < n && (b->addrs[fit] == NULL) == weft__of_handle(udp)->connected) fit++;
  return weft__udp_try_send(udp, fit > i ? fit - i : 1, b->bufs + i, b->nbufs + i, b->addrs + i);
}

/* Says how a send has ended, to who asked. */
static void udp_sent(weft_loop *loop, uint64_t token, uint64_t len, int status) {
  if (token == 0) return;
  weft__record(loop, (weft_record){.token = token, .value = (int64_t)len, .status = status});
}

static void udp_on_send(uv_udp_send_t *req, int status) {
  weft_req *r = weft__of_req(req);
  weft_loop *loop = r->loop;
  uint64_t token = r->token, len = r->len;
  weft__req_free(req);
  udp_sent(loop, token, len, status);
}

/* Hands libuv a datagram that has to wait, in a request that takes its bytes along: the arena is for one turn. */
static void udp_queue(weft_loop *loop, const weft_sub *sub, const udp_batch *b, unsigned i) {
  uv_buf_t buf = b->buf[i];
  uv_udp_send_t *req = weft__req_new(loop, UV_UDP_SEND, sub->token, buf.len);
  if (req == NULL) {
    udp_sent(loop, sub->token, buf.len, UV_ENOMEM);
    return;
  }
  weft__of_req(req)->len = buf.len;
  buf.base = memcpy((char *)req + uv_req_size(UV_UDP_SEND), buf.base, buf.len);
  int err = uv_udp_send(req, udp_of(sub->handle), &buf, 1, b->addrs[i], udp_on_send);
  if (err == 0) return;
  weft__req_free(req);
  udp_sent(loop, sub->token, buf.len, err);
}

/* What follows sub for the same socket leaves together. */
uint32_t weft__udp_send(weft_loop *loop, const weft_sub *sub, uint32_t n) {
  uv_udp_t *udp = udp_of(sub->handle);
  udp_batch b;
  unsigned count = 0;
  for (; count < n && count < UDP_BATCH && sub[count].op == WEFT_UDP_SEND && sub[count].handle == sub->handle;
       count++) {
    udp_put(&b, count, udp_datagram(loop, sub[count].data));
  }
  for (unsigned i = 0; i < count;) {
    int sent = uv_is_closing((uv_handle_t *)udp) ? UV_ECANCELED : udp_try(udp, &b, i, count);
    if (sent == UV_EAGAIN) {
      for (; i < count; i++) udp_queue(loop, &sub[i], &b, i);
    } else if (sent < 0) {
      udp_sent(loop, sub[i].token, b.buf[i].len, sent);
      i++;
    } else {
      for (unsigned end = i + (unsigned)sent; i < end; i++) udp_sent(loop, sub[i].token, b.buf[i].len, 0);
    }
  }
  return count;
}

int64_t weft_udp_try_send(uintptr_t handle, uint64_t at, uint64_t n) {
  weft_loop *loop = ((weft_handle *)handle)->loop;
  uint64_t done = 0;
  while (done < n) {
    udp_batch b;
    unsigned count = 0;
    for (; count < UDP_BATCH && done + count < n; count++) {
      weft_datagram *d = udp_datagram(loop, at);
      udp_put(&b, count, d);
      at += (sizeof(*d) + d->len + 7) & ~(uint64_t)7;
    }
    for (unsigned i = 0; i < count;) {
      int sent = udp_try(udp_of(handle), &b, i, count);
      if (sent < 0) return done > 0 ? (int64_t)done : sent;
      i += (unsigned)sent;
      done += (uint64_t)sent;
    }
  }
  return (int64_t)done;
}

static void udp_on_alloc(uv_handle_t *uv, size_t hint, uv_buf_t *buf) {
  (void)hint;
  weft_handle *h = weft__of_handle(uv);
  weft_loop *loop = h->loop;
  unsigned most = uv_udp_using_recvmmsg((uv_udp_t *)uv) ? UDP_CHUNKS : 1;
  unsigned room = weft__slab_datagrams(loop);
  if (!weft__share_ask(h, room > 0)) room = 0;
  char *base = room > 0 ? weft__slab_scratch(loop, (size_t)most * UDP_DATAGRAM) : NULL;
  *buf = uv_buf_init(base, base != NULL ? (room < most ? room : most) * UDP_DATAGRAM : 0);
}

/* Appends a record of a datagram, or of an error that came from somewhere. */
static void udp_tell(weft_handle *h, int status, const struct sockaddr *from, const uv_buf_t *bytes, unsigned flags) {
  weft_addr *a = weft__slab_keep(h->loop, sizeof(*a) + bytes->len);
  if (a == NULL) {
    weft__record(h->loop, (weft_record){.token = h->token, .status = UV_ENOMEM});
    return;
  }
  h->got += (uint32_t)(sizeof(*a) + bytes->len);
  memset(a, 0, sizeof(*a));
  if (from != NULL) weft__addr_to(from, a); /* that of a Unix socket stays without a family */
  if (bytes->len > 0) memcpy(a + 1, bytes->base, bytes->len);
  weft__record(h->loop, (weft_record){.token = h->token,
                                      .value = (int64_t)bytes->len,
                                      .data = a,
                                      .status = status,
                                      .kind = WEFT_FROM,
                                      .aux = (int16_t)flags});
}

#ifdef __linux__
/* Reads one error of the socket's queue; returns 0 when there is none. */
static int udp_error(weft_handle *h, uv_os_fd_t fd) {
  union {
    char bytes[256];
    struct cmsghdr align;
  } control;
  char byte;
  struct iovec iov = {&byte, 1};
  struct msghdr msg = {
      .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)};
  if (recvmsg(fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return errno == EINTR;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c != NULL; c = CMSG_NXTHDR(&msg, c)) {
    if ((c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) ||
        (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR)) {
      const struct sock_extended_err *e = (const struct sock_extended_err *)CMSG_DATA(c);
      uv_buf_t none = uv_buf_init(NULL, 0);
      udp_tell(h, uv_translate_sys_error((int)e->ee_errno), SO_EE_OFFENDER(e), &none, UV_UDP_LINUX_RECVERR);
    }
  }
  return 1;
}

static void udp_errors(weft_handle *h) {
  uv_os_fd_t fd;
  if (!h->recverr || uv_fileno(weft__uv((uintptr_t)h), &fd) != 0) return;
  for (int i = 0; i < UDP_ERRORS && udp_error(h, fd); i++) {
  }
}
#else
static void udp_errors(weft_handle *h) { (void)h; }
#endif

static void udp_on_recv(uv_udp_t *udp, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from, unsigned flags) {
  weft_handle *h = weft__of_handle(udp);
  uv_buf_t bytes = uv_buf_init(buf->base, n > 0 ? (unsigned)n : 0);
  int waits = h->waits;
  h->waits = 0;
  if (n == UV_ENOBUFS && waits) return; /* it goes on in a later turn */
  if (n < 0) udp_tell(h, (int)n, from, &bytes, flags);
  if (n >= 0 && from != NULL) udp_tell(h, 0, from, &bytes, flags);
  if (from == NULL) udp_errors(h);
}

#ifndef _WIN32
/* As with a stream, the requests stay with libuv. */
void weft__udp_lost(weft_handle *h, int reads) {
  uv_udp_t *udp = udp_of((uintptr_t)h);
  uv_buf_t none = uv_buf_init(NULL, 0);
  if (reads) udp_tell(h, h->lost, NULL, &none, 0);
  void *const *list = (void *const *)&udp->write_queue; /* a ring: the next one comes first */
  for (void *const *link = *list; link != list; link = *link) {
    weft__req_fail((char *)link - offsetof(uv_udp_send_t, queue), h->lost);
  }
}
#endif

int weft_udp_recv_start(uintptr_t handle, uint64_t token) {
  int err = ((weft_handle *)handle)->lost;
  if (err == 0) err = uv_udp_recv_start(udp_of(handle), udp_on_alloc, udp_on_recv);
  if (err == 0) ((weft_handle *)handle)->token = token;
  return err;
}

int weft_udp_recv_stop(uintptr_t handle) { return uv_udp_recv_stop(udp_of(handle)); }

int weft_udp_using_recvmmsg(uintptr_t handle) { return uv_udp_using_recvmmsg(udp_of(handle)); }

uint64_t weft_udp_queue_size(uintptr_t handle) { return uv_udp_get_send_queue_size(udp_of(handle)); }

uint64_t weft_udp_queue_count(uintptr_t handle) { return uv_udp_get_send_queue_count(udp_of(handle)); }
