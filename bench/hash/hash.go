// SPDX-License-Identifier: MIT

// Package hash is work for handlers that are bound by CPU.
package hash

import "sync/atomic"

var sink atomic.Uint64

// Sum hashes b n times over, with FNV-1a as peers/echo_libuv.c does.
func Sum(b []byte, n int) {
	if n == 0 {
		return
	}
	h := uint64(14695981039346656037)
	for ; n > 0; n-- {
		for _, c := range b {
			h = (h ^ uint64(c)) * 1099511628211
		}
	}
	sink.Store(h) // so that the compiler does not leave the work out
}
