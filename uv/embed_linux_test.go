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

// outer is a loop of another's: it knows of ours by its descriptor.
func outer(t *testing.T, l *uv.Loop) (wait func() (ready bool)) {
	t.Helper()
	inner, err := l.BackendFd()
	require.NoError(t, err)
	fd, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, syscall.Close(fd)) })
	require.NoError(t, syscall.EpollCtl(fd, syscall.EPOLL_CTL_ADD, int(inner), &syscall.EpollEvent{Events: syscall.EPOLLIN}))
	return func() bool {
		timeout := -1
		if d := l.BackendTimeout(); d >= 0 {
			timeout = int(d / time.Millisecond)
		}
		for {
			n, err := syscall.EpollWait(fd, make([]syscall.EpollEvent, 1), timeout)
			if err == syscall.EINTR {
				continue
			}
			require.NoError(t, err)
			return n > 0
		}
	}
}

// A loop within another: that one polls its descriptor, and turns it without waiting.
func TestALoopIsEmbedded(t *testing.T) {
	l := newLoop(t)
	wait := outer(t, l)
	timer := newTimer(t, l)
	var rings, got events
	require.NoError(t, timer.Start(20*time.Millisecond, 0, &rings))
	for len(rings) == 0 {
		assert.False(t, wait(), "a timer is no readiness of the descriptor")
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
	}
	require.NoError(t, timer.Close(nil))
	a, err := uv.NewAsync(l, &got)
	require.NoError(t, err)
	_, err = l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	go func() { assert.NoError(t, a.Send()) }()
	for len(got) == 0 {
		assert.True(t, wait(), "a message from another thread is")
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
	}
	require.NoError(t, a.Close(nil))
}
