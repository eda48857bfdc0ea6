// SPDX-License-Identifier: MIT

package io

import "time"

// Option sets something about a loop that Run or Start makes.
type Option func(*options)

type options struct {
	onError func(error)
	grace   time.Duration
	offload int // 0: promise's own limit
}

func defaults() options { return options{grace: time.Second} }

// OnError has f receive the errors that nobody else does: of promise.Go, of handlers, of bare callbacks. It runs on the loop.
// The default logs them with slog.
func OnError(f func(error)) Option {
	return func(o *options) { o.onError = f }
}

// Grace sets how long Close waits for cancelled tasks to end, and for buffered output to leave. The default is one second.
func Grace(d time.Duration) Option {
	return func(o *options) { o.grace = d }
}

// OffloadLimit sets how many functions given to promise.Offload run at a time; see promise.Queue.SetOffloadLimit.
func OffloadLimit(n int) Option {
	return func(o *options) { o.offload = n }
}
