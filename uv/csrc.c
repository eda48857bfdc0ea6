/* SPDX-License-Identifier: MIT
 *
 * The C library, as one translation unit of this package: the go command compiles only C files beside the Go files. */
#include "../csrc/src/addr.c"
#include "../csrc/src/async.c"
#include "../csrc/src/dns.c"
#include "../csrc/src/error.c"
#include "../csrc/src/guard.c"
#include "../csrc/src/handle.c"
#include "../csrc/src/loop.c"
#include "../csrc/src/memory.c"
#include "../csrc/src/record.c"
#include "../csrc/src/req.c"
#include "../csrc/src/slab.c"
#include "../csrc/src/spare.c"
#include "../csrc/src/stream.c"
#include "../csrc/src/tcp.c"
#include "../csrc/src/thread.c"
#include "../csrc/src/timer.c"
