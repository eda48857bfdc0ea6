// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// EnterThread says that the calling goroutine, which is locked to its thread, runs the loop with this id, which is not 0.
func EnterThread(id uint64) { C.weft_thread(C.uint64_t(id)) }

// LeaveThread ends what EnterThread said.
func LeaveThread() { C.weft_thread(C.WEFT_THREAD_LEAVE) }

// CurrentThread returns the id of the loop that the calling thread runs, 0 when it runs none. nested reports that the caller is
// Go code that C called, which the loop's Go code had called. It costs one call into C. Safe from any goroutine.
func CurrentThread() (id uint64, nested bool) {
	v := uint64(C.weft_thread(0))
	return v >> 1, v&1 != 0
}

// StandIn says that the calling goroutine, which is locked to its thread, does what only the thread of this number may do, while that
// waits for it; 0 ends that.
func StandIn(number uint64) { C.weft_thread_stand_in(C.uint64_t(number)) }

// StandsIn reports whether the calling goroutine's thread stands in for another. Safe from any goroutine.
func StandsIn() bool { return C.weft_thread_stands_in() != 0 }

// ThreadNumber returns the number of the calling goroutine's thread, which no other thread ever has, but one that stands in for it.
// Safe from any goroutine.
func ThreadNumber() uint64 { return uint64(C.weft_thread_number()) }
