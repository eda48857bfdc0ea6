// SPDX-License-Identifier: MIT

package uv_test

import (
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// newSignal returns a handle that is closed at the end of the test.
func newSignal(t *testing.T, l *uv.Loop) *uv.Signal {
	t.Helper()
	s, err := uv.NewSignal(l)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close(nil) })
	return s
}

func TestSignalStartsAndStops(t *testing.T) {
	l := newLoop(t)
	s := newSignal(t, l)
	assert.False(t, s.IsActive())
	assert.Zero(t, s.Signum())
	require.NoError(t, s.Stop(), "of nothing")
	require.NoError(t, s.Start(syscall.SIGINT, ignore))
	assert.True(t, s.IsActive() && s.HasRef())
	assert.Equal(t, syscall.SIGINT, s.Signum())
	require.NoError(t, s.Start(syscall.SIGINT, ignore))
	require.NoError(t, s.Start(syscall.SIGHUP, ignore))
	assert.Equal(t, syscall.SIGHUP, s.Signum())
	require.NoError(t, s.StartOneshot(syscall.SIGINT, ignore))
	require.NoError(t, s.Stop())
	assert.False(t, s.IsActive())
	assert.Zero(t, s.Signum())
	require.NoError(t, s.Start(syscall.SIGINT, ignore), "and is closed as it runs")
}

func TestSignalsOfTheRuntimeAreRefused(t *testing.T) {
	l := newLoop(t)
	s := newSignal(t, l)
	refused := []syscall.Signal{0, -1, 1000, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGKILL}
	if runtime.GOOS == "linux" {
		refused = append(refused, 19 /* SIGSTOP */, 23 /* SIGURG */, 27 /* SIGPROF */, 32, 33, 34, 65)
	}
	for _, sig := range refused {
		assert.ErrorIs(t, s.Start(sig, ignore), uv.EINVAL, "%d", sig)
		assert.ErrorIs(t, s.StartOneshot(sig, ignore), uv.EINVAL, "%d", sig)
	}
	assert.False(t, s.IsActive())
}
