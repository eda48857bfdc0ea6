// SPDX-License-Identifier: MIT

// Package csrc holds weft's C library. Go code does not call it: package uv compiles the sources and is the only one to use
// them. It is a Go package so that the go command knows the files: embedded, they are part of uv's build
// inputs, so that an edit rebuilds, and of the module's vendored copy.
package csrc

import "embed"

// Sources is the C library's header and sources. Nothing reads it; the linker drops the text.
//
//go:embed include src
var Sources embed.FS
