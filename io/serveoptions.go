// SPDX-License-Identifier: MIT

package io

import "time"

// ServeOption sets something about a Server.
type ServeOption func(*serveOptions)

type serveOptions struct {
	onError   func(c *Conn, err error)
	maxConns  int
	lazy      bool
	firstByte time.Duration

	closeTimeout time.Duration // 0: defaultCloseTimeout
}

// OnConnError has f receive each handler's error or panic (a *promise.PanicError), and failures to accept, with a nil
// Conn. It runs on the loop. The default, also for a nil f, is the loop's error handler, with "handler", its name and the peer before
// the error; what only says that a peer has gone or was too slow (a reset, EOF, a time-out) is logged by slog at the debug level.
// Server.Stats counts both.
func OnConnError(f func(c *Conn, err error)) ServeOption {
	return func(o *serveOptions) { o.onError = f }
}

// MaxConns bounds how many connections are open at a time. Those above wait until one ends: a few dozen accepted ahead, the others
// with the system. Zero, the default, or less is no bound but the system's.
//
// A handler that waits for a Write or Flush keeps its place until the peer reads, which it may never do:
// Conn.SetWriteDeadline bounds that. CloseTimeout begins when the handler has returned.
func MaxConns(n int) ServeOption {
	return func(o *serveOptions) { o.maxConns = n }
}

// CloseTimeout sets how long a peer may take nothing of what its connection has left to flush, when the handler has returned or has
// called Conn.Close: after that the connection is reset, so that its place comes back. It is not a bound on the whole: a peer that reads
// slowly gets everything. The default, also for zero or less, is ten seconds.
func CloseTimeout(d time.Duration) ServeOption {
	return func(o *serveOptions) { o.closeTimeout = d }
}

// LazyStart has a connection's handler start when its peer has sent something, has ended or has failed, whichever is first. Until
// then the connection costs no task; it counts for MaxConns, and Shutdown closes it at once. It is for protocols whose clients speak first.
func LazyStart() ServeOption {
	return func(o *serveOptions) { o.lazy = true }
}

// FirstByteTimeout is LazyStart, and closes a connection whose peer has sent nothing within d of its accept; the error that
// OnConnError then hears is promise.ErrTimeout. Zero or less is LazyStart alone.
func FirstByteTimeout(d time.Duration) ServeOption {
	return func(o *serveOptions) { o.lazy, o.firstByte = true, d }
}
