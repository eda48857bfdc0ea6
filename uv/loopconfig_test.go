// SPDX-License-Identifier: MIT

package uv_test

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

func TestStopEndsRunAfterTheTurn(t *testing.T) {
	l := newLoop(t)
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	fired := 0
	require.NoError(t, timer.Start(0, time.Millisecond, uv.CompleterFunc(func(uv.Event) {
		if fired++; fired == 3 {
			l.Stop()
		}
	})))
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, 3, fired)

	l.Stop() // outside of Run: the next one returns at once
	require.NoError(t, l.Run(uv.RunDefault))
	l.Stop()
	n, err := l.Turn(uv.RunOnce)
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Equal(t, 3, fired)
	_, err = l.Turn(uv.RunOnce)
	require.NoError(t, err)
	assert.Equal(t, 4, fired, "Stop holds once")
	require.NoError(t, timer.Close(nil))
}

func TestStopFromACCallbackKeepsTheTurnFromWaiting(t *testing.T) {
	l := newLoop(t)
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	require.NoError(t, timer.Start(time.Hour, 0, uv.CompleterFunc(func(uv.Event) {})))
	closePrepare := uvtest.StartPrepare(l.Pointer(), l.Stop)
	require.NoError(t, l.Run(uv.RunDefault), "it returns, long before the timer is due")
	closePrepare()
	require.NoError(t, timer.Close(nil))
}

func TestIdleTimeIsReadFromElsewhere(t *testing.T) {
	l := newLoop(t)
	require.NoError(t, l.Configure(uv.MetricsIdleTime))
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	require.NoError(t, timer.Start(20*time.Millisecond, 0, uv.CompleterFunc(func(uv.Event) {})))
	require.NoError(t, l.Run(uv.RunDefault))
	idle := make(chan time.Duration)
	go func() { idle <- l.IdleTime() }()
	assert.Greater(t, <-idle, time.Millisecond)
	require.NoError(t, timer.Close(nil))

	m, err := l.Metrics()
	if errors.Is(err, errors.ErrUnsupported) {
		return // before libuv 1.45
	}
	require.NoError(t, err)
	assert.NotZero(t, m.LoopCount)
}

func TestConfigure(t *testing.T) {
	l := newLoop(t)
	assert.Equal(t, uv.EINVAL, l.Configure(99))
	if runtime.GOOS != "windows" {
		require.NoError(t, l.Configure(uv.BlockSIGPROF))
	}
	if err := l.Configure(uv.IOUringSQPOLL); err != nil {
		assert.ErrorIs(t, err, errors.ErrUnsupported)
	}
}

func TestBackendTimeoutSaysHowLongThePollWouldWait(t *testing.T) {
	l := newLoop(t)
	assert.Zero(t, l.BackendTimeout(), "nothing is alive")
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	require.NoError(t, timer.Start(time.Hour, 0, uv.CompleterFunc(func(uv.Event) {})))
	_, err = l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	assert.InDelta(t, time.Hour, l.BackendTimeout(), float64(time.Second))
	require.NoError(t, timer.Stop())
	assert.Zero(t, l.BackendTimeout())
	tcp, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, tcp.Bind(loopback, 0))
	require.NoError(t, tcp.Listen(1, uv.CompleterFunc(func(uv.Event) {})))
	_, err = l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	assert.Negative(t, l.BackendTimeout(), "a listener waits for ever")
	require.NoError(t, timer.Close(nil))
	assert.Zero(t, l.BackendTimeout(), "a handle closes at once")
	require.NoError(t, tcp.Close(nil)) // on Windows when the system has given back what would have been accepted
}

func TestBufferSizesAreTheSystems(t *testing.T) {
	l := newLoop(t)
	tcp, err := uv.NewTCP(l)
	require.NoError(t, err)
	_, err = tcp.Fileno()
	assert.Equal(t, uv.EBADF, err, "there is no socket yet")
	require.NoError(t, tcp.Bind(loopback, 0))
	for _, b := range []struct {
		get func() (int, error)
		set func(int) error
	}{{tcp.SendBufferSize, tcp.SetSendBufferSize}, {tcp.RecvBufferSize, tcp.SetRecvBufferSize}} {
		require.NoError(t, b.set(30000))
		n, err := b.get()
		require.NoError(t, err)
		assert.Contains(t, []int{30000, 60000}, n)
		assert.Equal(t, uv.EINVAL, b.set(0))
	}
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	assert.Equal(t, uv.TypeTimer, timer.Type())
	_, err = timer.Fileno()
	assert.Equal(t, uv.EINVAL, err)
	_, err = timer.SendBufferSize()
	assert.ErrorIs(t, err, errors.ErrUnsupported)
	require.NoError(t, timer.Close(nil))
	require.NoError(t, tcp.Close(nil))
	assert.Equal(t, uv.TypeUnknown, timer.Type())
	_, err = tcp.SendBufferSize()
	assert.ErrorIs(t, err, uv.ErrClosed)
}

func TestNamesOfTypes(t *testing.T) {
	names := map[uv.HandleType]string{
		uv.TypeTCP: "tcp", uv.TypePipe: "pipe", uv.TypeUDP: "udp", uv.TypeTTY: "tty", uv.TypeTimer: "timer",
		uv.TypeFile: "file", uv.TypeUnknown: "unknown", 99: "unknown", -1: "unknown",
	}
	for typ, name := range names {
		assert.Equal(t, name, typ.String())
	}
}
