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
}

// OnConnError has f receive each handler's error or panic (a *promise.PanicError), and failures to accept, with a nil
// Conn. It runs on the loop. The default, also for a nil f, is the loop's error handler.
func OnConnError(f func(c *Conn, err error)) ServeOption {
	return func(o *serveOptions) { o.onError = f }
}

// MaxConns bounds how many connections are open at a time. Those above wait until one ends: a few dozen accepted ahead, the others
// with the system. Zero, the default, or less is no bound but the system's.
func MaxConns(n int) ServeOption {
	return func(o *serveOptions) { o.maxConns = n }
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
