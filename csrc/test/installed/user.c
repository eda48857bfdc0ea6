/* SPDX-License-Identifier: MIT */
#include <string.h>
#include <weft.h>

int main(void) { return strcmp(weft_version(), "0.1.0"); }
