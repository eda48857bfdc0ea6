// SPDX-License-Identifier: MIT

package main

import (
	"context"

	"github.com/weft-go/weft/promise"
)

func allPending(ctx context.Context, n int) error {
	return callbacks(ctx, n, func(next func()) func() {
		end := func(vs []int, _ error) {
			if len(vs) != links {
				panic("all has lost a member")
			}
			next()
		}
		rs := make([]*promise.Resolver[int], links)
		return func() {
			ps := make([]*promise.Promise[int], links)
			for i := range ps {
				ps[i], rs[i] = promise.New[int](ctx)
			}
			promise.All(ps...).OnSettle(end)
			for _, r := range rs {
				r.Resolve(1)
			}
		}
	})
}

func pickFirst(ctx context.Context, n int) error {
	return callbacks(ctx, n, func(next func()) func() {
		var loser *promise.Promise[int]
		end := func(int, error) {
			if loser.State() != promise.StateRejected {
				panic("the loser was not cancelled")
			}
			next()
		}
		return func() {
			a, r := promise.New[int](ctx)
			b, _ := promise.New[int](ctx)
			loser = b
			promise.Pick(a, b).OnSettle(end)
			r.Resolve(1)
		}
	})
}
