// SPDX-License-Identifier: MIT

package uv_test

import (
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

var adoptions atomic.Uint64

// adopt adopts a host's loop for a test, on the host's thread.
func adopt(t *testing.T, loop unsafe.Pointer, h uv.Host) *uv.Loop {
	t.Helper()
	if h.Fault == nil {
		h.Fault = func(err error) { t.Error(err) }
	}
	l, err := uv.Adopt(loop, 1<<32+adoptions.Add(1), h)
	require.NoError(t, err)
	return l
}

// end closes what is open, and the adoption when that is done.
func end(t *testing.T, l *uv.Loop, handles ...interface{ Close(uv.Completer) error }) {
	t.Helper()
	left := len(handles)
	for _, h := range handles {
		require.NoError(t, h.Close(uv.CompleterFunc(func(uv.Event) {
			if left--; left == 0 {
				assert.NoError(t, l.Detach())
			}
		})))
	}
}

func TestAdoptedLoopRunsInTheHostsRun(t *testing.T) {
	var l *uv.Loop
	var hostTicks, ticks int
	var closed bool
	host := uvtest.StartHost(uvtest.Once(func(loop unsafe.Pointer) {
		uvtest.Tick(loop, time.Millisecond, 3, func() { hostTicks++ })
		l = adopt(t, loop, uv.Host{Closed: func() { closed = true }})
		timer, err := uv.NewTimer(l)
		require.NoError(t, err)
		require.NoError(t, timer.Start(time.Millisecond, time.Millisecond, uv.CompleterFunc(func(uv.Event) {
			if ticks++; ticks == 3 {
				end(t, l, timer)
			}
		})))
		_, err = l.Turn(uv.RunOnce)
		assert.ErrorIs(t, err, uv.ErrAdopted)
		assert.ErrorIs(t, l.Run(uv.RunDefault), uv.ErrAdopted)
		assert.ErrorIs(t, l.Close(), uv.ErrAdopted)
		_, err = uv.Adopt(loop, 77, uv.Host{})
		assert.ErrorIs(t, err, uv.EALREADY)
		assert.ErrorContains(t, err, "adopted already")
	}))
	assert.Equal(t, 0, <-host.Ended(), "uv_loop_close")
	assert.Equal(t, 3, ticks)
	assert.Equal(t, 3, hostTicks)
	assert.True(t, closed)
	assert.Zero(t, l.Stats())
}

// The header's version, or the sizes of its structures, are not those of the libuv that runs: C's own test compares such.
func TestAdoptRefusesAnotherVersionOfLibuv(t *testing.T) {
	mismatch := &uv.VersionError{Text: "built with the header of a libuv whose uv_loop_t has other bytes", Err: uv.EINVAL}
	defer uv.SetCheckVersion(func() error { return mismatch })()
	loop := uvtest.MakeLoop()
	_, err := uv.Adopt(loop, 1<<34, uv.Host{})
	assert.Same(t, mismatch, err)
	_, err = uv.NewLoop()
	assert.Same(t, mismatch, err)
	assert.Zero(t, uvtest.FreeLoop(loop), "it was not touched")
}

func TestWhatAdoptRefuses(t *testing.T) {
	_, err := uv.Adopt(nil, 1, uv.Host{})
	assert.ErrorIs(t, err, uv.EINVAL)
	var other [4096]byte // what another copy of libuv has made, or nothing
	_, err = uv.Adopt(unsafe.Pointer(&other), 1, uv.Host{})
	assert.ErrorIs(t, err, uv.ENOTSUP)
	assert.ErrorContains(t, err, "another copy of libuv")
	assert.ErrorContains(t, err, "weft_host")
}
