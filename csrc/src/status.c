/* SPDX-License-Identifier: MIT */
#include "internal.h"

static _Thread_local char status_text[128];

const char *weft_strerror(int code) {
  switch (code) {
    case 0:
      return "no error";
    case WEFT_FULL:
      return "the stream is full";
    case WEFT_EALREADY:
      return "it has happened already";
    case WEFT_ECANCELED:
      return "the promise was cancelled";
    case WEFT_ECLOSED:
      return "the loop is closed";
    case WEFT_ESTALE:
      return "no such token, or one that ended long ago";
    case WEFT_EFOREIGN:
      return "another copy of weft in this process made it: link the program and its Go library with one, as "
             "doc/interop.md says";
    case WEFT_ETYPE:
      return "the token wants another type of value";
    case WEFT_EINVAL:
      return "invalid argument";
    case WEFT_ENOMEM:
      return "out of memory";
    case WEFT_ENOTHELD:
      return "the loop was released more often than held";
    case WEFT_EOWNED:
      return "the loop is not an adopted one: Go runs it, and closes it";
    case WEFT_ETHREAD:
      return "this is not the thread that runs the loop";
    case WEFT_EADOPT:
      return weft__adoption_text();
    case WEFT_ENOGO:
      return "nobody adopts loops here: the process has no Go library with package io that shares this copy of weft";
  }
  uv_strerror_r(code, status_text, sizeof(status_text)); /* uv_strerror leaks on codes it does not know */
  return status_text;
}
