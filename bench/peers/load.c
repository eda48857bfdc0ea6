// SPDX-License-Identifier: MIT
//
// load sends 64-byte messages to an echo server on 127.0.0.1 and checks what comes back: on each connection one
// message, and the next one when its echo is there. It measures what the server spends on them.
//
//   load PID CPU PORT CONNECTIONS WARM-UP-MS MEASURE-MS
//
// PID and CPU say which process the server is and where it is pinned (-1: nowhere). Prints requests, and nanoseconds of
// wall clock, of the server's CPU, of its user part, of this program's CPU; and the server's instructions; -1 for what
// the machine cannot tell.
//
// The server has to be what limits the two, or it would be measured going to sleep and waking up. So this program does
// as little as it can: two system calls a message and no polling. The connections are halves: one is sent to while the
// server is busy with the other, and the wait for a half is for its last message, which the server gets to last. It is
// woken once for a half, not once for a message, whatever the server: waking is charged to who wakes.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "meter.h"

enum { MESSAGE = 64, PATIENCE_S = 10 };

struct conn {
  int fd;
  uint64_t sent;          // messages so far: each differs from the one before
  char message[MESSAGE];  // on its way
};

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int64_t now(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int dial(int port) {
  int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  struct timeval patience = {.tv_sec = PATIENCE_S};
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) fail("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  return fd;
}

static void send_next(struct conn *c) {
  c->sent++;
  memcpy(c->message, &c->sent, sizeof(c->sent));
  memcpy(c->message + MESSAGE - sizeof(c->sent), &c->sent, sizeof(c->sent));
  if (send(c->fd, c->message, MESSAGE, MSG_NOSIGNAL) != MESSAGE) fail("send");
}

static void receive(struct conn *c) {
  char received[MESSAGE];
  ssize_t n = recv(c->fd, received, MESSAGE, MSG_WAITALL);
  if (n < 0) fail("receive");
  if (n != MESSAGE) {
    fprintf(stderr, "load: the server closed a connection, or was silent for %d s\n", PATIENCE_S);
    exit(1);
  }
  if (memcmp(received, c->message, MESSAGE) != 0) {
    fprintf(stderr, "load: an echo differs from its message\n");
    exit(1);
  }
}

// half is a part of the connections.
struct half {
  struct conn *conns;
  int n;
};

static void send_all(struct half *h) {
  for (int i = 0; i < h->n; i++) send_next(&h->conns[i]);
}

static void receive_all(struct half *h) {
  for (int i = h->n - 1; i >= 0; i--) receive(&h->conns[i]);
}

// echo exchanges messages for a time and returns how many. One is on its way on every connection before and after.
static int64_t echo(struct half halves[2], int64_t duration) {
  int64_t count = 0, end = now(CLOCK_MONOTONIC) + duration;
  for (int i = 0; i == 1 || now(CLOCK_MONOTONIC) < end; i = 1 - i) {
    receive_all(&halves[i]);
    send_all(&halves[i]);
    count += halves[i].n;
  }
  return count;
}

int main(int argc, char **argv) {
  if (argc != 7) {
    fprintf(stderr, "usage: load PID CPU PORT CONNECTIONS WARM-UP-MS MEASURE-MS\n");
    return 2;
  }
  int pid = atoi(argv[1]), cpu = atoi(argv[2]), port = atoi(argv[3]), nconns = atoi(argv[4]);
  int64_t warm = atoll(argv[5]) * 1000000, measured = atoll(argv[6]) * 1000000;
  struct conn *conns = calloc((size_t)nconns, sizeof(*conns));
  if (conns == NULL) fail("start");
  for (int i = 0; i < nconns; i++) {
    conns[i].fd = dial(port);
    memset(conns[i].message, 'a' + i % 26, MESSAGE);
  }
  struct half halves[2] = {{conns, nconns - nconns / 2}, {conns + nconns - nconns / 2, nconns / 2}};
  send_all(&halves[0]);
  send_all(&halves[1]);
  echo(halves, warm);

  struct meter meter;
  meter_begin(&meter, pid, cpu);
  int64_t wall = now(CLOCK_MONOTONIC), own = now(CLOCK_PROCESS_CPUTIME_ID);
  int64_t requests = echo(halves, measured);
  own = now(CLOCK_PROCESS_CPUTIME_ID) - own;
  wall = now(CLOCK_MONOTONIC) - wall;
  struct cost cost = meter_end(&meter);
  receive_all(&halves[0]);  // so that the server sees ends and no resets
  receive_all(&halves[1]);

  printf("%lld\t%lld\t%.0f\t%.0f\t%lld\t%.0f\n", (long long)requests, (long long)wall, cost.cpu_ns,
         cost.user < 0 ? -1 : cost.user * cost.cpu_ns, (long long)own, cost.instructions);
  return 0;
}
