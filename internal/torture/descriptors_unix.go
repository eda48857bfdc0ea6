// SPDX-License-Identifier: MIT

//go:build unix

package main

import (
	"os"
	"strconv"
	"sync"
	"syscall"
)

// descriptors counts the process's open descriptors.
func descriptors() int {
	open, _ := os.ReadDir("/dev/fd")
	return len(open) - 1 // one is open for the list
}

// listensOn reports whether a descriptor of the process is a socket that listens on port.
func listensOn(port uint16) bool {
	open, _ := os.ReadDir("/dev/fd")
	for _, d := range open {
		fd, err := strconv.Atoi(d.Name())
		if err != nil {
			continue
		}
		if listens, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_ACCEPTCONN); err != nil || listens == 0 {
			continue
		}
		name, _ := syscall.Getsockname(fd)
		switch a := name.(type) {
		case *syscall.SockaddrInet4:
			if a.Port == int(port) {
				return true
			}
		case *syscall.SockaddrInet6:
			if a.Port == int(port) {
				return true
			}
		}
	}
	return false
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
