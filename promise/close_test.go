// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

func TestWhatPostHasTakenRunsBeforeTheLoopIsClosed(t *testing.T) {
	l := promisetest.New()
	never, _ := pending(l)
	accepted, ran, open := 0, 0, 0
	var again func()
	again = func() {
		if ran++; never.State() == promise.StatePending {
			open++
		}
		if l.Queue().Post(again) == nil {
			accepted++
		}
	}
	again() // goes on for longer than Close turns the loop
	l.Close()
	assert.Greater(t, accepted, 10_000)
	assert.Equal(t, accepted+1, ran)
	assert.Equal(t, ran, open, "while they run the loop is not closed")
	assert.Equal(t, promise.ErrLoopClosed, l.Queue().Post(again))
	assert.Equal(t, accepted+1, ran)
}

// meddler is a context whose Done is called in the midst of whatever starts under it. It counts who wants to hear of its end.
type meddler struct {
	context.Context
	done  chan struct{}
	first func()
	waits int
}

func (m *meddler) Done() <-chan struct{} {
	if f := m.first; f != nil {
		m.first = nil
		f()
	}
	return m.done
}

// AfterFunc is what package context looks for.
func (m *meddler) AfterFunc(func()) (stop func() bool) {
	m.waits++
	return func() bool { m.waits--; return true }
}

func TestWhatStartsWhileTheLoopClosesLeavesNothingOnItsContext(t *testing.T) {
	for name, start := range map[string]func(ctx context.Context) promise.Awaitable{
		"New": func(ctx context.Context) promise.Awaitable { p, _ := promise.New[int](ctx); return p },
		"Spawn": func(ctx context.Context) promise.Awaitable {
			return promise.Go(ctx, func(context.Context) error { return nil })
		},
		"Sleep": func(ctx context.Context) promise.Awaitable { return promise.Sleep(ctx, 0) },
		"Pause": func(ctx context.Context) promise.Awaitable { return promise.Pause(ctx) },
		"WithContext": func(ctx context.Context) promise.Awaitable {
			p, _ := promise.New[int](context.WithoutCancel(ctx))
			return promise.WithContext(ctx, p)
		},
		"ContextTimeout": func(ctx context.Context) promise.Awaitable {
			ctx, cancel := promise.ContextTimeout(ctx, 0)
			defer cancel()
			return promise.Pause(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := promisetest.New()
			ctx := &meddler{Context: l.Context(), done: make(chan struct{}), first: func() { l.Close() }}
			p := start(ctx)
			assert.ErrorIs(t, p.Wait(context.Background()), promise.ErrLoopClosed)
			assert.Nil(t, ctx.first, "the loop has closed in the midst of it")
			assert.Zero(t, ctx.waits)
		})
	}
}
