// SPDX-License-Identifier: MIT

//go:build !darwin && cgo

package uv

// lockFork has nothing to do: Go and libuv make descriptors that are not inheritable from the start.
func lockFork() {}

func unlockFork() {}
