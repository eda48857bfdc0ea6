// SPDX-License-Identifier: MIT

//go:build unix && cgo

package uv

import "syscall"

// Unwrap returns the code as package syscall has it, nil for one that is libuv's own.
func (e Errno) Unwrap() error {
	if e >= 0 || e <= -3000 { // libuv's own codes lie below
		return nil
	}
	return syscall.Errno(-e)
}
