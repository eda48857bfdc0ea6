// SPDX-License-Identifier: MIT

//go:build cgo

package uv

import "syscall"

// lockFork keeps others from forking, and from making descriptors, which are inheritable for a moment: macOS cannot make them
// otherwise. Untested.
func lockFork() { syscall.ForkLock.Lock() }

func unlockFork() { syscall.ForkLock.Unlock() }
