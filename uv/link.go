// SPDX-License-Identifier: MIT

//go:build !weft_host

package uv

// uv.h includes windows.h, and cgo reads that for each of the files here: the lean one takes half as long.

// #cgo !windows pkg-config: libuv
// #cgo windows pkg-config: libuv-static
// #cgo windows CFLAGS: -DWIN32_LEAN_AND_MEAN
import "C"
