/* SPDX-License-Identifier: MIT
 *
 * A C program that hosts a Go library. Its argument says whether it shares the library's copy of weft, "one", or links
 * another one, "two": then each refuses the other's tokens, and nothing else happens. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft.h>

unsigned long long lib_open(void);
long long lib_wait(void);
int lib_open_tokens(void);
int lib_close(void);

#define CHECK(ok)                                                      \
  do {                                                                 \
    if (!(ok)) {                                                       \
      fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #ok); \
      exit(1);                                                         \
    }                                                                  \
  } while (0)

static void resolve(void *token) { CHECK(weft_resolve_i(*(weft_token *)token, 42) == 0); }

int main(int argc, char **argv) {
  CHECK(argc == 2);
  CHECK(strcmp(weft_version(), WEFT_VERSION) == 0);
  weft_token token = lib_open();
  CHECK(token != 0 && lib_open_tokens() == 1);
  if (strcmp(argv[1], "one") == 0) {
    uv_thread_t thread;
    CHECK(uv_thread_create(&thread, resolve, &token) == 0);
    CHECK(lib_wait() == 42);
    CHECK(uv_thread_join(&thread) == 0);
    CHECK(weft_resolve_i(token, 43) == WEFT_EALREADY);
    CHECK(lib_open_tokens() == 0 && lib_close() == 0);
  } else {
    CHECK(weft_resolve_i(token, 42) == WEFT_EFOREIGN);
    CHECK(weft_token_on_cancel(token, free, NULL) == WEFT_EFOREIGN);
    CHECK(weft_token_cancelled(token));
    CHECK(lib_open_tokens() == 1 && lib_close() == 0);
    printf("%s: ", weft_strerror(weft_resolve_i(token, 42)));
  }
  printf("%s ok\n", argv[1]);
  return 0;
}
