// SPDX-License-Identifier: MIT

package main

import (
	"context"

	"github.com/weft-go/weft/promise"
)

func chainMap(ctx context.Context, n int) error {
	f := func(v int) (int, error) { return v + 1, nil }
	return chain(ctx, n, func(p *promise.Promise[int]) *promise.Promise[int] { return promise.Map(p, f) })
}

func chainBind(ctx context.Context, n int) error {
	f := func(v int) *promise.Promise[int] { return promise.Resolved(v + 1) }
	return chain(ctx, n, func(p *promise.Promise[int]) *promise.Promise[int] { return promise.Bind(p, f) })
}

func chain(ctx context.Context, n int, link func(*promise.Promise[int]) *promise.Promise[int]) error {
	return callbacks(ctx, n, func(next func()) func() {
		end := func(v int, _ error) {
			if v != links {
				panic("the chain has lost a link")
			}
			next()
		}
		return func() {
			p, r := promise.New[int](ctx)
			for range links {
				p = link(p)
			}
			p.OnSettle(end)
			r.Resolve(0)
		}
	})
}
