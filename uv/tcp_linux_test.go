// SPDX-License-Identifier: MIT

package uv_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

func TestKeepAliveExSetsEveryOption(t *testing.T) {
	l := newLoop(t)
	tcp := newTCP(t, l)
	require.NoError(t, tcp.Bind(loopback, 0))
	require.NoError(t, tcp.KeepAliveEx(true, 15*time.Second, 14*time.Second, 9))
	fd, err := tcp.Fileno()
	require.NoError(t, err)
	for opt, want := range map[int]int{syscall.TCP_KEEPIDLE: 15, syscall.TCP_KEEPINTVL: 14, syscall.TCP_KEEPCNT: 9} {
		got, err := syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, opt)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	closeStreams(t, &tcp.Stream)
}

func TestSetLingerResetsAlsoAShutdownUnderWay(t *testing.T) {
	l := newLoop(t)
	ours, theirs := connected(t, l, loopback)
	var shut, closes events
	require.NoError(t, ours.Send(make([]byte, 16<<20), false, ignore)) // more than the system takes
	require.NoError(t, ours.Shutdown(&shut))
	require.NoError(t, ours.SetLinger(0))
	require.NoError(t, ours.Close(&closes))
	closes.wait(t, l, 1)
	assert.ErrorIs(t, ours.SetLinger(0), uv.ErrClosed)
	assert.Equal(t, uv.ECONNRESET, resetOf(t, l, &theirs.Stream))
	closeStreams(t, &theirs.Stream)
	fresh := newTCP(t, l)
	assert.Equal(t, uv.EBADF, fresh.SetLinger(0), "it has no socket yet")
	closeStreams(t, &fresh.Stream)
}

func TestUnsentFallsWhenThePeerReads(t *testing.T) {
	l := newLoop(t)
	ours, theirs := connected(t, l, loopback)
	assert.Zero(t, ours.Unsent())
	data := make([]byte, 1<<20)
	for range 16 {
		require.NoError(t, ours.Send(data, false, ignore))
		turnsOf(t, l, time.Millisecond)
	}
	before := ours.Unsent()
	assert.Greater(t, before, len(data), "what libuv and the system hold")
	var reads events
	require.NoError(t, theirs.ReadStart(&reads))
	until(t, l, func() bool { return ours.Unsent() == 0 })
	closeStreams(t, &ours.Stream, &theirs.Stream)
	assert.Zero(t, ours.Unsent())
}
