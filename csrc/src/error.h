/* SPDX-License-Identifier: MIT
 *
 * error.h: the error codes that came after libuv 1.44, by libuv's rules: an older header lacks them. */
#ifndef WEFT_ERROR_H
#define WEFT_ERROR_H

#include <errno.h>
#include <uv.h>

#if defined(ENODATA) && !defined(_WIN32)
#define WEFT_ENODATA (-ENODATA)
#elif defined(__FreeBSD__)
#define WEFT_ENODATA (-9919)
#else
#define WEFT_ENODATA (-4024)
#endif

#if defined(EUNATCH) && !defined(_WIN32)
#define WEFT_EUNATCH (-EUNATCH)
#else
#define WEFT_EUNATCH (-4023)
#endif

#if defined(ENOEXEC) && !defined(_WIN32)
#define WEFT_ENOEXEC (-ENOEXEC)
#else
#define WEFT_ENOEXEC (-4022)
#endif

#endif
