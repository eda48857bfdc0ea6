// SPDX-License-Identifier: MIT

//go:build unix

package main

import (
	"os"
	"sync"
	"syscall"
)

// descriptors counts the process's open descriptors.
func descriptors() int {
	open, _ := os.ReadDir("/dev/fd")
	return len(open) - 1 // one is open for the list
}

// limitDescriptors lets the process have no more than n descriptors, until restore is called.
func limitDescriptors(n int) (restore func()) {
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &old); err != nil {
		return func() {}
	}
	low := old
	low.Cur = uint64(n)
	_ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &low)
	return sync.OnceFunc(func() { _ = syscall.Setrlimit(syscall.RLIMIT_NOFILE, &old) })
}
