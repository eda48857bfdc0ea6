/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "internal.h"

/* libuv's variants without _r leak memory on unknown codes, of which success is one. */
void weft_error_text(int code, char *buf, size_t len) {
  if (code == 0 || (code >= WEFT_ENOGO && code <= WEFT_FULL)) {
    snprintf(buf, len, "%s", weft_strerror(code));
  } else {
    uv_strerror_r(code, buf, len);
  }
}

void weft_error_name(int code, char *buf, size_t len) { uv_err_name_r(code, buf, len); }

int weft_error_of_system(int code) { return uv_translate_sys_error(code); }
