// SPDX-License-Identifier: MIT

package slowdns

/*
#cgo LDFLAGS: -ldl
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <semaphore.h>
#include <string.h>

static sem_t entered, released;

__attribute__((constructor)) static void init(void) {
  sem_init(&entered, 0, 0);
  sem_init(&released, 0, 0);
}

// The executable's own definition comes before libc's.
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res) {
  if (node != NULL && strcmp(node, "slow.invalid") == 0) {
    sem_post(&entered);
    sem_wait(&released);
    return EAI_NONAME;
  }
  int (*next)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = dlsym(RTLD_NEXT, "getaddrinfo");
  return next(node, service, hints, res);
}

static void wait_entered(void) { while (sem_wait(&entered) != 0) {} }
static void release(void) { sem_post(&released); }
*/
import "C"

func waitEntered() { C.wait_entered() }
func release()     { C.release() }
