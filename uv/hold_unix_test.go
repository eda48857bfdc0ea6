// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

func TestHoldKeepsALoopWithoutPromises(t *testing.T) {
	l := uvtest.NewLoop(t)
	l.Hold()
	assert.True(t, l.Held())
	c := l.CLoop()
	assert.Zero(t, uvtest.Hold(c))
	released := 0
	l.OnRelease = func() { released++ }
	l.Release()
	uvtest.StartTimer(l.Pointer(), func() { uvtest.ReleaseOnAThread(c) })
	require.NoError(t, l.Run(uv.RunDefault), "it returns, and not before")
	assert.Equal(t, 1, released)
	assert.False(t, l.Held())
}

func TestHeldLoopIsClosed(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l, err := uv.NewLoop()
	require.NoError(t, err)
	l.Hold()
	assert.True(t, l.Alive())
	require.NoError(t, l.Close())
	l.Release()
	assert.False(t, l.Held())
}
