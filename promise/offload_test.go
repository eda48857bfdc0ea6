// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

func TestOffloadRunsElsewhere(t *testing.T) {
	run(t, func(ctx context.Context, _ *promisetest.Loop) error {
		v, err := promise.Offload(ctx, func(context.Context) (int, error) { return 7, nil }).Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, 7, v)
		var perr *promise.PanicError
		assert.ErrorAs(t, promise.Offload(ctx, func(context.Context) (int, error) { panic("x") }).Wait(ctx), &perr)
		assert.Equal(t, promise.ErrGoexit, promise.Offload(ctx, func(context.Context) (int, error) { runtime.Goexit(); return 0, nil }).Wait(ctx))
		began, heard := make(chan unit), make(chan error)
		p := promise.Offload(ctx, func(ctx context.Context) (int, error) {
			close(began)
			<-ctx.Done()
			heard <- context.Cause(ctx)
			return 0, nil
		})
		<-began
		p.CancelCause(errTest)
		assert.ErrorIs(t, p.Wait(ctx), errTest)
		require.NoError(t, promise.Pause(ctx).Wait(ctx))
		assert.ErrorIs(t, <-heard, errTest)
		return nil
	})
}

// gates lets a test hold functions given to Offload, and see which run.
type gates struct {
	mu      sync.Mutex
	running int
	most    int
	order   []int
	open    chan unit
}

func (g *gates) pass(i int) {
	g.mu.Lock()
	g.running++
	g.most = max(g.most, g.running)
	g.order = append(g.order, i)
	g.mu.Unlock()
	<-g.open
	g.mu.Lock()
	g.running--
	g.mu.Unlock()
}

func TestOffloadRunsAtMostTheLimitInOrder(t *testing.T) {
	run(t, func(ctx context.Context, l *promisetest.Loop) error {
		l.Queue().SetOffloadLimit(1)
		g := &gates{open: make(chan unit)}
		var ps []*promise.Promise[int]
		for i := range 20 {
			ps = append(ps, promise.Offload(ctx, func(context.Context) (int, error) { g.pass(i); return i, nil }))
		}
		ps[7].Cancel()
		assert.Equal(t, 20, l.Queue().Offloading())
		close(g.open)
		for i, p := range ps {
			v, err := p.Await(ctx)
			if i == 7 {
				assert.ErrorIs(t, err, promise.ErrCanceled)
				continue
			}
			require.NoError(t, err)
			assert.Equal(t, i, v)
		}
		assert.Equal(t, 1, g.most)
		assert.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}, g.order)
		assert.Zero(t, l.Queue().Offloading())
		return nil
	})
	l := newLoop(t)
	assert.Panics(t, func() { l.Queue().SetOffloadLimit(0) })
}

func TestOffloadedFunctionsThatWaitLeaveRoom(t *testing.T) {
	run(t, func(ctx context.Context, l *promisetest.Loop) error {
		l.Queue().SetOffloadLimit(1)
		var nest func(ctx context.Context, depth int) (int, error)
		nest = func(ctx context.Context, depth int) (int, error) {
			if depth == 0 {
				return 0, nil
			}
			// An await and a call back into the loop, each of which needs room for another.
			v, err := promise.Offload(ctx, func(ctx context.Context) (int, error) { return nest(ctx, depth-1) }).Await(ctx)
			if err != nil {
				return 0, err
			}
			w, err := promise.OnLoop(ctx, func(ctx context.Context) (int, error) {
				return promise.Offload(ctx, func(context.Context) (int, error) { return 1, nil }).Await(ctx)
			})
			return v + w, err
		}
		v, err := promise.Offload(ctx, func(ctx context.Context) (int, error) { return nest(ctx, 10) }).Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, 10, v)
		return nil
	})
}

func TestOnLoopRunsOnTheLoop(t *testing.T) {
	run(t, func(ctx context.Context, l *promisetest.Loop) error {
		on := func(ctx context.Context) (bool, error) {
			q, err := promise.Spawn(ctx, func(ctx context.Context) (*promise.Queue, error) { return promise.QueueFrom(ctx), nil }).Await(ctx)
			return q == l.Queue(), err
		}
		there, err := promise.Offload(ctx, func(ctx context.Context) (bool, error) { return promise.OnLoop(ctx, on) }).Await(ctx)
		require.NoError(t, err)
		assert.True(t, there)
		there, err = promise.OnLoop(ctx, on)
		require.NoError(t, err, "in a task")
		assert.True(t, there)

		var perr *promise.PanicError
		_, err = promise.OnLoop(ctx, func(context.Context) (int, error) { panic("x") })
		assert.ErrorAs(t, err, &perr)

		ran := false
		_, err = promise.Map(promise.Pause(ctx), func(unit) (int, error) {
			return promise.OnLoop(ctx, func(context.Context) (int, error) { ran = true; return 1, nil })
		}).Await(ctx)
		assert.ErrorIs(t, err, promise.ErrWouldDeadlock, "in a bare callback")
		assert.False(t, ran)
		return nil
	})
	_, err := promise.OnLoop(context.Background(), func(context.Context) (int, error) { return 1, nil })
	assert.ErrorIs(t, err, promise.ErrNoLoop)
	assert.Panics(t, func() { _, _ = promise.OnLoop[int](context.Background(), nil) })
}

func TestOffloadsThatHaveNotBegunEndWithTheLoop(t *testing.T) {
	l := promisetest.New()
	l.Queue().SetOffloadLimit(1)
	began, hold := make(chan unit), make(chan unit)
	first := promise.Offload(l.Context(), func(ctx context.Context) (int, error) {
		close(began)
		<-ctx.Done()
		<-hold
		return 1, nil
	})
	<-began
	ran := false
	second := promise.Offload(l.Context(), func(context.Context) (int, error) { ran = true; return 2, nil })
	var waits error
	promise.Go(l.Context(), func(ctx context.Context) error { _, waits = second.Await(ctx); return nil })
	close(hold)
	assert.Empty(t, l.Close())
	assert.Equal(t, promise.ErrLoopClosed, outcome(second))
	assert.False(t, ran)
	assert.Nil(t, waits, "the task had not begun")
	runtime.KeepAlive(first)
}
