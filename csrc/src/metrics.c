/* SPDX-License-Identifier: MIT */
#include "internal.h"

uint64_t weft_metrics_idle_time(uintptr_t loop) { return uv_metrics_idle_time(weft__loop(loop)->uv); }
