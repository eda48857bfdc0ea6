// SPDX-License-Identifier: MIT

//go:build unix

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

// What is held ends when a C thread releases it: the test hangs where that is not heard.
func TestHoldOfCKeepsRun(t *testing.T) {
	var kept bool
	require.NoError(t, weftio.Run(t.Context(), func(ctx context.Context) error {
		l := weftio.LoopFrom(ctx)
		assert.Equal(t, uv.NotHeld, uvtest.Release(l.CLoop()))
		assert.Zero(t, uvtest.Hold(l.CLoop()))
		assert.Zero(t, uvtest.Hold(l.CLoop()))
		weftio.Sleep(ctx, time.Millisecond).OnSettle(func(promise.Unit, error) { // main has ended by then
			kept = true
			assert.Zero(t, uvtest.Release(l.CLoop()))
			uvtest.ReleaseOnAThread(l.CLoop())
		})
		return nil
	}))
	assert.True(t, kept)
}

func TestReleasesOfCAndGoAreCountedApart(t *testing.T) {
	l, err := weftio.Start()
	require.NoError(t, err)
	c := l.CLoop()
	uvtest.Ref(c)
	release := l.Hold()
	assert.Equal(t, uv.NotHeld, uvtest.Release(c), "that hold is Go's")
	assert.Zero(t, uvtest.Hold(c))
	release()
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, l.Shutdown(short), context.DeadlineExceeded, "it waits for C's")
	assert.Equal(t, uv.TokenClosed, uvtest.Release(c))
	assert.Equal(t, uv.TokenClosed, uvtest.Hold(c))
	assert.Equal(t, uv.EINVAL.Error(), uvtest.Hold(nil).Error())
	uvtest.Unref(c)
}

func TestShutdownEndsWhenCHasReleased(t *testing.T) {
	l, err := weftio.Start()
	require.NoError(t, err)
	require.Zero(t, uvtest.Hold(l.CLoop()))
	uvtest.ReleaseOnAThread(l.CLoop())
	require.NoError(t, l.Shutdown(t.Context()))
}

// Nothing else keeps this host, neither when the hold begins nor later.
func TestHoldOfCKeepsTheHost(t *testing.T) {
	var l *weftio.Loop
	var got bool
	h := uvtest.StartHost(func(host unsafe.Pointer, runs int) bool {
		switch runs {
		case 0:
			var err error
			l, err = weftio.Adopt(host)
			assert.NoError(t, err)
		case 1: // the first uv_run has found nothing to do
			c := l.CLoop()
			assert.Equal(t, uv.NotHeld, uvtest.Release(c))
			assert.Zero(t, uvtest.Hold(c))
			go func() {
				_ = l.Post(func() { got = true; uvtest.ReleaseOnAThread(c) })
			}()
		case 2:
			assert.True(t, got, "before uv_run has returned")
			assert.Zero(t, uvtest.Hold(l.CLoop()))
			assert.NoError(t, l.Detach(nil), "holds do not keep it")
		}
		return runs < 3
	})
	assert.Equal(t, 0, ends(t, h))
}
