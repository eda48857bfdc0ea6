// SPDX-License-Identifier: MIT

// Under the race detector a sync.Pool drops things at random, and promisetest has one.

//go:build !race

package promise_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// many operations at a time hide what the queue itself allocates now and then.
const atATime = 100

func assertAllocs(t *testing.T, name string, want float64, f func()) {
	t.Helper()
	f()
	got := testing.AllocsPerRun(20, f) / atATime
	for range 5 { // what the collector still reports of earlier tests counts too, for a while
		got = min(got, testing.AllocsPerRun(20, f)/atATime)
	}
	assert.InDelta(t, want, got, 0.2, name)
}

func TestAllocationsOfCallbacks(t *testing.T) {
	l := newLoop(t)
	ctx := l.Context()
	id := func(v int) (int, error) { return v, nil }
	same := promise.Resolved(1)
	inner := func(int) *promise.Promise[int] { return same }
	for _, c := range []struct {
		name string
		want float64
		f    func(p *promise.Promise[int], r *promise.Resolver[int])
	}{
		{"New", 1, func(*promise.Promise[int], *promise.Resolver[int]) {}},
		{"New, Resolve", 1, func(_ *promise.Promise[int], r *promise.Resolver[int]) { r.Resolve(1) }},
		{"Map", 2, func(p *promise.Promise[int], r *promise.Resolver[int]) { promise.Map(p, id); r.Resolve(1) }},
		{"Bind", 2, func(p *promise.Promise[int], r *promise.Resolver[int]) { promise.Bind(p, inner); r.Resolve(1) }},
		{"NoCancel", 2, func(p *promise.Promise[int], _ *promise.Resolver[int]) { p.NoCancel() }},
		{"Protected", 2, func(p *promise.Promise[int], r *promise.Resolver[int]) { p.Protected(); r.Resolve(1) }},
		{"Cancel", 1, func(p *promise.Promise[int], _ *promise.Resolver[int]) { p.Cancel() }},
		{"Pick of two, one settled", 4, func(p *promise.Promise[int], _ *promise.Resolver[int]) { promise.Pick(p, same) }},
	} {
		assertAllocs(t, c.name, c.want, func() {
			for range atATime {
				c.f(promise.New[int](ctx))
			}
			l.Queue().Run()
		})
	}
	assertAllocs(t, "Pause", 1, func() {
		for range atATime {
			promise.Pause(ctx)
		}
		l.Queue().Run()
	})
}

func TestAllocationsOfTasks(t *testing.T) {
	run(t, func(ctx context.Context, _ *promisetest.Loop) error {
		done := promise.Resolved(1)
		assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = done.Await(ctx) }))
		empty := func(context.Context) error { return nil }
		assertAllocs(t, "Go, and its end", 1, func() {
			for range atATime {
				promise.Go(ctx, empty)
			}
			_ = promise.Pause(ctx).Wait(ctx)
		})
		return nil
	})
}

// relay is an operation that is used again and again: one task awaits it, another one settles it.
type relay struct{ promise.Leaf[int] }

func TestAwaitOfAReusedOperationAllocatesNothing(t *testing.T) {
	l := newLoop(t)
	q := l.Queue()
	var ping, pong relay
	ping.Init(q, nil)
	pong.Init(q, nil)
	promise.Go(l.Context(), func(ctx context.Context) error {
		for {
			if _, err := ping.Promise().Await(ctx); err != nil {
				return nil
			}
			ping.Init(q, nil)
			pong.Settle(1, nil)
		}
	})
	assert.NoError(t, l.Run(func(ctx context.Context) error {
		assertAllocs(t, "await", 0, func() {
			for i := range atATime {
				ping.Settle(i, nil)
				_, _ = pong.Promise().Await(ctx)
				pong.Init(q, nil)
			}
		})
		return nil
	}))
	assert.PanicsWithValue(t, "promise: Leaf.Init: the promise is pending: settle it before the operation is used again",
		func() { pong.Init(q, nil) })
}
