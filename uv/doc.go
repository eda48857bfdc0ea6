// SPDX-License-Identifier: MIT

// Package uv is libuv for Go: typed, thin, and safe beside the Go runtime. It is the only package of this module that
// uses cgo, and knows nothing of promises; package io builds on it.
//
// # How it works
//
// A Loop belongs to one goroutine, locked to its thread. Everything but Async.Send, Buffer and Errno is for that goroutine
// only. An operation takes a Completer. libuv's callbacks stay in C, where they append to an array; Turn hands libuv what
// was asked of it since the last turn, runs uv_run once, and then calls the Completers of what has happened. So a
// Completer runs in Go, on the loop's goroutine, with no C frame below it.
//
// # Memory
//
// Handles and requests live in C memory, which libuv's close callbacks free. C knows Go's objects by tokens only: the number of a
// slot and its generation, so that a late completion finds nothing instead of something else. Event.Data is C memory,
// valid until Complete returns. A Buffer belongs to the caller again when the write has completed.
//
// # Signals
//
// libuv's signal handler is not made for Go: it would run on a goroutine's stack, forgets the handler that was there, and leaves
// none behind. Before the first Signal or Spawn of a process a guard is installed that mends all three, so that os/signal and os/exec
// go on beside them. C code that has libuv watch signals or spawn processes by itself calls GuardSignal after each start.
//
// # Errors
//
// An Errno is libuv's code, and is to errors.Is what package syscall, io, context and fs call it.
package uv
