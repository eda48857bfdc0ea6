// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// closesAll has a host close all that uv_walk finds, and its loop, while a loop of ours has adopted that. finds, which may be nil, runs
// on the host's thread in between.
func closesAll(t *testing.T, setup, finds func(l *weftio.Loop)) (l *weftio.Loop, told chan error) {
	t.Helper()
	told = make(chan error, 10)
	h := uvtest.StartHost(func(host unsafe.Pointer, runs int) bool {
		if runs > 0 {
			if finds != nil {
				finds(l)
			}
			return false
		}
		var err error
		l, err = weftio.Adopt(host, weftio.OnError(func(err error) { told <- err }))
		if assert.NoError(t, err) {
			setup(l)
			uvtest.CallOnClose(host, func() { uvtest.CloseAll(host) })
		}
		return true
	})
	require.Zero(t, ends(t, h), "uv_loop_close")
	return l, told
}

func isLost(t *testing.T, l *weftio.Loop, told chan error) {
	t.Helper()
	assert.ErrorIs(t, <-told, uv.ErrHostClosed)
	ctx := l.Context(t.Context())
	assert.ErrorIs(t, l.Post(func() {}), promise.ErrLoopClosed)
	assert.ErrorIs(t, l.Do(t.Context(), func() {}), promise.ErrLoopClosed)
	assert.ErrorIs(t, l.Detach(nil), uv.ErrHostClosed)
	assert.ErrorIs(t, promise.Go(ctx, func(context.Context) error { return nil }).Wait(t.Context()), promise.ErrLoopClosed)
	assert.ErrorIs(t, weftio.Sleep(ctx, time.Millisecond).Wait(t.Context()), promise.ErrLoopClosed)
	p, token := weftio.FromC[int64](ctx)
	assert.ErrorIs(t, p.Wait(t.Context()), promise.ErrLoopClosed)
	assert.NotZero(t, token)
	assert.NotContains(t, uv.OpenLoops(), l)
	assert.Empty(t, told, "it is told once")
}

func TestHostThatClosesAllHandlesIsReported(t *testing.T) {
	for name, find := range map[string]struct{ onHost, later func(l *weftio.Loop) }{
		"a post":               {later: func(l *weftio.Loop) { _ = l.Post(func() {}) }},
		"a post by the host":   {onHost: func(l *weftio.Loop) { _ = l.Post(func() {}) }},
		"a detach":             {later: func(l *weftio.Loop) { assert.ErrorIs(t, l.Detach(nil), uv.ErrHostClosed) }},
		"a detach by the host": {onHost: func(l *weftio.Loop) { assert.ErrorIs(t, l.Detach(nil), uv.ErrHostClosed) }},
	} {
		t.Run(name, func(t *testing.T) {
			var never *promise.Promise[promise.Unit]
			waited := make(chan error, 1)
			l, told := closesAll(t, func(l *weftio.Loop) {
				never = weftio.Sleep(l.Context(context.Background()), time.Hour)
				promise.Go(l.Context(context.Background()), func(ctx context.Context) error {
					go func() { waited <- never.Wait(context.Background()) }()
					return never.Wait(ctx)
				})
			}, find.onHost)
			if find.later != nil {
				find.later(l)
			}
			isLost(t, l, told)
			assert.ErrorIs(t, <-waited, promise.ErrLoopClosed, "it waited from outside")
			assert.ErrorIs(t, never.Wait(t.Context()), promise.ErrLoopClosed)
		})
	}
}
