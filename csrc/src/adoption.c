/* SPDX-License-Identifier: MIT
 *
 * Adoptions that C asks for. Go's part of one, the promises and tasks, is Go's to make: it has left a function here.
 * That and the function of adopt.c are entered on the thread of the loop, with no mutex held. */
#include <stdatomic.h>
#include <stdio.h>

#include "internal.h"

/* An end that C waits for. */
typedef struct {
  weft_detach_cb done;
  void *arg;
  char *left;
} weft_end;

static _Atomic(weft_adopter) adopter;
static _Thread_local char adoption_text[512];

void weft_adopter_set(weft_adopter adopt) { atomic_store(&adopter, adopt); }

const char *weft__adoption_text(void) { return adoption_text[0] == 0 ? "the loop cannot be adopted" : adoption_text; }

int weft_adopt(uv_loop_t *uv, weft_loop **loop) {
  if (loop != NULL) *loop = NULL;
  if (uv == NULL || loop == NULL) return WEFT_EINVAL;
  weft_adopter adopt = atomic_load(&adopter);
  if (adopt == NULL) return WEFT_ENOGO;
  char *text = adoption_text;
  size_t len = sizeof(adoption_text);
  if (weft_libuv_check(text, len) != 0 || weft_host_check(uv, text, len) != 0) return WEFT_EADOPT;
  if (weft_adopted(uv) != NULL) return WEFT_EALREADY;
  int err = adopt(uv, text, len);
  if (err == 0) *loop = weft_adopted(uv);
  return err;
}

/* Whether this thread may detach the loop. Under the inbox's mutex: once that is closed there is no host to look for.
 */
static int adoption_check(weft_loop *loop) {
  weft_inbox *in = &loop->inbox;
  int err = 0;
  uv_mutex_lock(&in->mutex);
  if (in->closed) {
    err = WEFT_ECLOSED;
  } else if (loop->host == NULL) {
    err = WEFT_EOWNED;
  } else if (!weft__host_here(loop)) {
    err = WEFT_ETHREAD;
  }
  uv_mutex_unlock(&in->mutex);
  return err;
}

int weft_detach(weft_loop *loop, weft_detach_cb done, void *arg) {
  if (loop == NULL) return WEFT_EINVAL;
  if (loop->shared.owner != weft__token_owner()) return WEFT_EFOREIGN;
  int err = adoption_check(loop);
  if (err != 0) return err;
  weft_end *end = calloc(1, sizeof(*end));
  if (end == NULL) return WEFT_ENOMEM;
  end->done = done;
  end->arg = arg;
  err = weft__host_detach(loop, (uintptr_t)end);
  if (err != 0) free(end);
  return err;
}

void weft_end_left(uintptr_t e, const char *text) {
  weft_end *end = (weft_end *)e;
  size_t len = strlen(text) + 1;
  end->left = malloc(len);
  if (end->left != NULL) memcpy(end->left, text, len);
}

void weft__end(uintptr_t e) {
  weft_end *end = (weft_end *)e;
  if (end == NULL) return;
  if (end->done != NULL) end->done(end->arg, end->left);
  free(end->left);
  free(end);
}
