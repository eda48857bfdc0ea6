// SPDX-License-Identifier: MIT

package main

import (
	"context"

	"github.com/weft-go/weft/promise"
)

func bindResolved(ctx context.Context, n int) error {
	return callbacks(ctx, n, func(next func()) func() {
		p := promise.Resolved(1)
		f := func(v int) *promise.Promise[int] {
			next()
			return promise.Resolved(v + 1)
		}
		return func() { promise.Bind(p, f) }
	})
}

func mapPending(ctx context.Context, n int) error {
	return callbacks(ctx, n, func(next func()) func() {
		f := func(v int) (int, error) {
			next()
			return v + 1, nil
		}
		return func() {
			p, r := promise.New[int](ctx)
			promise.Map(p, f)
			r.Resolve(1)
		}
	})
}

func bindPending(ctx context.Context, n int) error {
	return callbacks(ctx, n, func(next func()) func() {
		f := func(v int) *promise.Promise[int] {
			next()
			return promise.Resolved(v + 1)
		}
		return func() {
			p, r := promise.New[int](ctx)
			promise.Bind(p, f)
			r.Resolve(1)
		}
	})
}
