// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"time"

	"github.com/weft-go/weft/promise"
)

// Sleep is promise.Sleep: a promise that is fulfilled once d has passed, never early and never within the call. Cancelling
// it stops the timer. Lwt_unix.sleep.
func Sleep(ctx context.Context, d time.Duration) *promise.Promise[promise.Unit] {
	return promise.Sleep(ctx, d)
}

// WithTimeout is promise.WithTimeout: p's outcome, or promise.ErrTimeout when p is still pending after d; p is cancelled
// then. Lwt_unix.with_timeout.
func WithTimeout[T any](ctx context.Context, d time.Duration, p *promise.Promise[T]) *promise.Promise[T] {
	return promise.WithTimeout(ctx, d, p)
}
