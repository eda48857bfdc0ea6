// SPDX-License-Identifier: MIT

package io

import "time"

// Option sets something about a loop that Run, Start or Adopt makes.
type Option func(*options)

// LoopOption tells Options from what else a function may take beside them, as those of package wefttest do.
func (Option) LoopOption() {}

type options struct {
	onError func(error)
	grace   time.Duration
	offload int // 0: promise's own limit
	held    time.Duration
	onHeld  func(*HeldError)
	track   bool
	onStart []func(*Loop)
	onStop  []func(*Loop)
}

func defaults() options { return options{grace: time.Second, held: heldLimit, onHeld: logHeld} }

// OnError has f receive the errors that nobody else does: of promise.Go, of handlers, of bare callbacks. It runs on the loop.
// The default logs them with slog.
func OnError(f func(error)) Option {
	return func(o *options) { o.onError = f }
}

// OnStart has f called on the loop's thread before anything else runs there: where a C library is told which loop its thread
// has, or attaches to Loop.UVLoop. On an adopted loop that is in the first turn that the host gives it, not in Adopt. Several are
// called in their order.
func OnStart(f func(l *Loop)) Option {
	return func(o *options) { o.onStart = append(o.onStart, f) }
}

// OnStop has f called on the loop's thread as the last of all user code, when every promise has settled: where a C library lets
// go of Loop.UVLoop. Handles that it closes there are waited for. Several are called in the reverse of their order.
func OnStop(f func(l *Loop)) Option {
	return func(o *options) { o.onStop = append(o.onStop, f) }
}

// Grace sets how long Close waits for cancelled tasks to end, and for buffered output to leave. The default is one second.
func Grace(d time.Duration) Option {
	return func(o *options) { o.grace = d }
}

// OffloadLimit sets how many functions given to promise.Offload run at a time; see promise.Queue.SetOffloadLimit.
func OffloadLimit(n int) Option {
	return func(o *options) { o.offload = n }
}

// TrackResources has the loop remember where each task, Offload, timer, connection and listener was made, for Resources to tell. That
// costs about a microsecond for each. By default it does not.
func TrackResources(on bool) Option {
	return func(o *options) { o.track = on }
}

// Watchdog has report called when user code has held the loop's thread for longer than limit, once each time. It runs on a
// goroutine of its own, since the loop cannot. By default the limit is 100 ms and reports are logged with slog. A limit of zero
// has the loop not watched; with a nil report only the limit changes.
func Watchdog(limit time.Duration, report func(*HeldError)) Option {
	return func(o *options) {
		o.held = limit
		if report != nil {
			o.onHeld = report
		}
	}
}
