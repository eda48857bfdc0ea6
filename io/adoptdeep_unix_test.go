// SPDX-License-Identifier: MIT

//go:build unix

package io_test

import (
	"context"
	"runtime"
	"sync/atomic"
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

// deep calls f below n frames of Go.
func deep(n int, f func()) {
	if n == 0 {
		f()
		return
	}
	deep(n-1, f)
	runtime.KeepAlive(n)
}

// adoptHere adopts a loop for a test that runs it itself, on a thread of Go's.
func adoptHere(t *testing.T, opts ...weftio.Option) (l *weftio.Loop, host unsafe.Pointer) {
	t.Helper()
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	host = uvtest.MakeLoop()
	l, err := weftio.Adopt(host, opts...)
	require.NoError(t, err)
	return l, host
}

// detachHere ends that.
func detachHere(t *testing.T, l *weftio.Loop, host unsafe.Pointer) {
	t.Helper()
	require.NoError(t, l.Detach(func(err error) { assert.NoError(t, err) }))
	uvtest.RunLoop(host, 0) // UV_RUN_DEFAULT
	assert.Zero(t, uvtest.FreeLoop(host))
}

// depths has OnError count what ErrDepth says.
func depths(t *testing.T) (opt weftio.Option, n *atomic.Int32) {
	n = &atomic.Int32{}
	return weftio.OnError(func(err error) {
		assert.ErrorIs(t, err, uv.ErrDepth)
		n.Add(1)
	}), n
}

// A task's stack does not show the calls that have led to it: what is made there cannot be resumed elsewhere, nor the other way round.
func TestAnotherLoopRunInsideATask(t *testing.T) {
	for _, c := range []struct {
		name      string
		runBefore bool
	}{{"not run before", false}, {"run before", true}} {
		t.Run(c.name, func(t *testing.T) {
			told, faults := depths(t)
			outer, host := adoptHere(t)
			inner, innerHost := adoptHere(t, told)
			if c.runBefore {
				uvtest.RunLoop(innerHost, 0)
			}
			var order []string
			promise.Go(inner.Context(context.Background()), func(ctx context.Context) error {
				order = append(order, "inner")
				return promise.Pause(ctx).Wait(ctx)
			})
			promise.Go(outer.Context(context.Background()), func(ctx context.Context) error {
				uvtest.RunLoop(innerHost, 0)
				order = append(order, "outer")
				return promise.Pause(ctx).Wait(ctx)
			})
			uvtest.RunLoop(host, 0)
			assert.Equal(t, []string{"outer"}, order)
			detachHere(t, inner, innerHost)
			detachHere(t, outer, host)
			assert.Equal(t, []string{"outer", "inner"}, order, "it went on as before")
			assert.Eventually(t, func() bool { return faults.Load() == 1 }, 5*time.Second, time.Millisecond)
		})
	}
}

func TestUVRunFarBelowAGoFunctionThatCCalled(t *testing.T) {
	told, faults := depths(t)
	ran := false
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		detachAfter(t, l, func(ctx context.Context) error { // the first turn says how it is to be
			uvtest.Tick(host, time.Millisecond, 1, func() {
				promise.Go(ctx, func(context.Context) error { ran = true; return nil })
				deep(1000, func() { uvtest.RunLoop(host, 2) }) // UV_RUN_NOWAIT
				assert.False(t, ran)
			})
			return weftio.Sleep(ctx, 10*time.Millisecond).Wait(ctx)
		})
	}, told)
	assert.Equal(t, 0, closed)
	assert.True(t, ran)
	assert.Eventually(t, func() bool { return faults.Load() == 1 }, 5*time.Second, time.Millisecond)
}

// How many frames of Go's there are is nobody's business.
func TestUVRunFarBelowGoCode(t *testing.T) {
	l, host := adoptHere(t, weftio.OnError(func(err error) { t.Error(err) }))
	ran := 0
	task := func() {
		promise.Go(l.Context(context.Background()), func(ctx context.Context) error {
			ran++
			return promise.Pause(ctx).Wait(ctx)
		})
		uvtest.RunLoop(host, 0)
	}
	task()
	deep(1000, task)
	task()
	assert.Equal(t, 3, ran)
	detachHere(t, l, host)
}
