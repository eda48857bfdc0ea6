// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"testing"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

func BenchmarkMapPending(b *testing.B) {
	l := promisetest.New()
	ctx := l.Context()
	f := func(v int) (int, error) { return v + 1, nil }
	b.ReportAllocs()
	for i := 0; i < b.N; i += 1000 {
		for range 1000 {
			p, r := promise.New[int](ctx)
			promise.Map(p, f)
			r.Resolve(1)
		}
		l.Flush()
	}
}

func BenchmarkChain(b *testing.B) {
	l := promisetest.New()
	ctx := l.Context()
	f := func(v int) (int, error) { return v + 1, nil }
	b.ReportAllocs()
	for i := 0; i < b.N; i += 1000 {
		p, r := promise.New[int](ctx)
		q := p
		for range 1000 {
			q = promise.Map(q, f)
		}
		r.Resolve(1)
		l.Flush()
	}
}

func BenchmarkSpawn(b *testing.B) {
	l := promisetest.New()
	b.ReportAllocs()
	_ = l.Run(func(ctx context.Context) error {
		for i := 0; i < b.N; i += 1000 {
			for range 1000 {
				promise.Spawn(ctx, func(ctx context.Context) (int, error) { return 1, nil })
			}
			_ = promise.Pause(ctx).Wait(ctx)
		}
		return nil
	})
}
