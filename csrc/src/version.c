/* SPDX-License-Identifier: MIT
 *
 * What libuv has only since some version after 1.44. This is the only file that asks for the version: a function that
 * the libuv at hand lacks answers UV_ENOTSUP here. */
#include "internal.h"

const char *weft_libuv_version(void) { return uv_version_string(); }

uint32_t weft_libuv_header(void) { return UV_VERSION_HEX; }
