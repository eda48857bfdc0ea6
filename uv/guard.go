// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import "syscall"

// UnguardedSignal returns the first signal whose handler would run on a goroutine's stack, because it was installed without
// SA_ONSTACK, as libuv installs its own; 0 when there is none. On Windows there never is. Safe from any goroutine.
func UnguardedSignal() syscall.Signal { return syscall.Signal(C.weft_guard_missing()) }

// GuardSignal puts the present handler of a signal on the signal stack, where Go needs it to be. C code that has libuv watch
// signals or spawn processes calls for it after each start. Safe from any goroutine.
func GuardSignal(sig syscall.Signal) error { return result(C.weft_guard_signal(C.int(sig))) }
