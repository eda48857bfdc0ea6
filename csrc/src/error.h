/* SPDX-License-Identifier: MIT
 *
 * error.h: libuv's error codes, with those that headers older than 1.50 lack, by libuv's rules. */
#ifndef WEFT_ERROR_H
#define WEFT_ERROR_H

#include <errno.h>
#include <uv.h>

#ifndef UV__ENODATA
#if defined(ENODATA) && !defined(_WIN32)
#define UV__ENODATA (-(ENODATA))
#elif defined(__FreeBSD__)
#define UV__ENODATA (-9919)
#else
#define UV__ENODATA (-4024)
#endif
#endif

#ifndef UV__EUNATCH
#if defined(EUNATCH) && !defined(_WIN32)
#define UV__EUNATCH (-(EUNATCH))
#else
#define UV__EUNATCH (-4023)
#endif
#endif

#ifndef UV__ENOEXEC
#if defined(ENOEXEC) && !defined(_WIN32)
#define UV__ENOEXEC (-(ENOEXEC))
#else
#define UV__ENOEXEC (-4022)
#endif
#endif

#endif
