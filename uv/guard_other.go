// SPDX-License-Identifier: MIT

//go:build !unix && cgo

package uv

import "syscall"

// guard has nothing to do: there is no SIGPIPE.
func guard() error { return nil }

// holdSignal has nothing to do: libuv and Go are told of console events side by side, and one that takes them will do.
func holdSignal(syscall.Signal) syscall.Signal { return 0 }

func releaseSignal(syscall.Signal) {}
