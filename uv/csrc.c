/* SPDX-License-Identifier: MIT
 *
 * The C library, as one translation unit of this package: the go command compiles only C files beside the Go files.
 * With the build tag weft_system the installed library takes its place. */
/* clang-format off */
//go:build !weft_system
/* clang-format on */

#define _GNU_SOURCE /* dladdr, in adopt.c */
#include "../csrc/src/addr.c"
#include "../csrc/src/adopt.c"
#include "../csrc/src/adoption.c"
#include "../csrc/src/async.c"
#include "../csrc/src/await.c"
#include "../csrc/src/dns.c"
#include "../csrc/src/error.c"
#include "../csrc/src/guard.c"
#include "../csrc/src/handle.c"
#include "../csrc/src/hold.c"
#include "../csrc/src/hook.c"
#include "../csrc/src/listener.c"
#include "../csrc/src/inbox.c"
#include "../csrc/src/loop.c"
#include "../csrc/src/memory.c"
#include "../csrc/src/metrics.c"
#include "../csrc/src/pipe.c"
#include "../csrc/src/poll.c"
#include "../csrc/src/process.c"
#include "../csrc/src/reap.c"
#include "../csrc/src/record.c"
#include "../csrc/src/register.c"
#include "../csrc/src/req.c"
#include "../csrc/src/signal.c"
#include "../csrc/src/room.c"
#include "../csrc/src/share.c"
#include "../csrc/src/slab.c"
#include "../csrc/src/spare.c"
#include "../csrc/src/standard.c"
#include "../csrc/src/status.c"
#include "../csrc/src/stream.c"
#include "../csrc/src/tcp.c"
#include "../csrc/src/thread.c"
#include "../csrc/src/timer.c"
#include "../csrc/src/tty.c"
#include "../csrc/src/udp.c"
#include "../csrc/src/token.c"
#include "../csrc/src/version.c"
#include "../csrc/src/walk.c"
