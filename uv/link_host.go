// SPDX-License-Identifier: MIT

//go:build weft_host

package uv

// With -tags weft_host a c-shared library takes libuv's functions from the program that loads it, as Node exports them, and brings
// none: one process, one copy. Headers that are not where the compiler looks are named in CGO_CFLAGS; they have to be of the host's
// version, see CheckVersion. That this is a file, and not a condition in a #cgo line, has the go command build the package anew.
