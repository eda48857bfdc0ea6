// SPDX-License-Identifier: MIT

//go:build !unix

package uv

// guard has nothing to do: there is no SIGPIPE.
func guard() {}
