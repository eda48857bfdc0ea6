/* SPDX-License-Identifier: MIT
 *
 * The libuv that runs has to be one that this was built for. */
#include "internal.h"
#include "test.h"

static char text[256];

static void this_libuv_is_accepted(void) {
  strcpy(text, "before");
  CHECK(weft_libuv_check(text, sizeof(text)) == 0);
  CHECK(text[0] == 0);
  CHECK(weft_libuv_check(NULL, 0) == 0);
}

static void older_libuv_is_refused(void) {
  CHECK(weft__libuv_compare(UV_VERSION_HEX, NULL, 0, text, sizeof(text)) == 0);
  CHECK(weft__libuv_compare(UV_VERSION_HEX + 0x100, NULL, 0, text, sizeof(text)) == 0);
  CHECK(weft__libuv_compare(UV_VERSION_HEX & ~255u, NULL, 0, text, sizeof(text)) == 0); /* an older patch release */
  CHECK(weft__libuv_compare(0x012b07, NULL, 0, text, sizeof(text)) == UV_ENOTSUP);
  CHECK(strstr(text, " 1.43 that runs") != NULL);
  char little[8];
  CHECK(weft__libuv_compare(0x012b07, NULL, 0, little, sizeof(little)) == UV_ENOTSUP);
  CHECK(strcmp(little, "built w") == 0);
}

static void other_sizes_are_refused(void) {
  const weft_size sizes[] = {{"uv_loop_t", 8, 8}, {"uv_pipe_t", 264, 272}};
  CHECK(weft__libuv_compare(UV_VERSION_HEX, sizes, 1, text, sizeof(text)) == 0);
  CHECK(weft__libuv_compare(UV_VERSION_HEX, sizes, 2, text, sizeof(text)) == UV_EINVAL);
  CHECK(strstr(text, "uv_pipe_t has 264 bytes") != NULL && strstr(text, "272") != NULL);
}

static void features_follow_the_version(void) {
  CHECK(weft_libuv_has(WEFT_HAS_METRICS_INFO) == (UV_VERSION_HEX >= 0x012d00));
  CHECK(weft_libuv_has(WEFT_HAS_UDP_TRY_SEND2) == (UV_VERSION_HEX >= 0x013200));
  CHECK(weft_libuv_has(-1) == 0);
  CHECK(weft_libuv_has(WEFT_HAS_UDP_OPEN_EX + 1) == 0);
}

int main(void) {
  this_libuv_is_accepted();
  older_libuv_is_refused();
  other_sizes_are_refused();
  features_follow_the_version();
  return 0;
}
