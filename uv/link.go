// SPDX-License-Identifier: MIT

//go:build !weft_host

package uv

// #cgo !windows pkg-config: libuv
// #cgo windows pkg-config: libuv-static
import "C"
