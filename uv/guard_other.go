// SPDX-License-Identifier: MIT

//go:build !unix && cgo

package uv

// guard has nothing to do: there is no SIGPIPE.
func guard() {}
