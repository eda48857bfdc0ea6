/* SPDX-License-Identifier: MIT
 *
 * weft.h: the C side of a weft loop. C99 and C++. */
#ifndef WEFT_H
#define WEFT_H

#include <uv.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A libuv loop with what weft keeps beside it. Made and freed by the Go side; for C it is opaque. */
typedef struct weft_loop weft_loop;

/* weft_version returns the version of this library, as in "0.1.0". Any thread. */
const char *weft_version(void);

/* weft_uv_loop returns the libuv loop, for libraries that attach to one. Loop thread. */
uv_loop_t *weft_uv_loop(weft_loop *loop);

#ifdef __cplusplus
}
#endif

#endif
