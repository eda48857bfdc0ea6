// SPDX-License-Identifier: MIT

package uv_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// taken has a descriptor be something that epoll refuses.
func taken(t *testing.T, fd int) {
	t.Helper()
	other := refusedFd(t, os.DevNull)
	require.NoError(t, syscall.Dup3(other, fd, syscall.O_CLOEXEC))
	require.NoError(t, syscall.Close(other))
}

// libuv aborts the process when epoll refuses a descriptor at the poll.
func TestPollOfWhatTheSystemCannotWaitFor(t *testing.T) {
	l := newLoop(t)
	for _, name := range []string{"/dev/null", "/dev/zero"} {
		fd := refusedFd(t, name)
		_, err := uv.NewPoll(l, fd)
		assert.Equal(t, uv.EPERM, err)
		require.NoError(t, syscall.Close(fd))
	}
	var before, after events
	fds := socketpair(t)
	p, q := newPoll(t, l, fds[0]), newPoll(t, l, fds[1])
	taken(t, fds[0])
	assert.Equal(t, uv.EPERM, p.Start(uv.Readable, &before))
	require.NoError(t, q.Start(uv.Readable, &after))
	taken(t, fds[1])
	after.wait(t, l, 1)
	assert.Equal(t, uv.EPERM, after[0].Status)
	assert.Empty(t, before)
	assert.False(t, p.IsActive() || q.IsActive())
	closeAll(t, p, q)
}

// libuv has the system forget the descriptor of a Poll that stops or closes, whoever else watches it.
func TestAPollThatClosesLeavesOthersAlone(t *testing.T) {
	l := newLoop(t)
	fds := socketpair(t)
	var ready events
	one, two := newPoll(t, l, fds[0]), newPoll(t, l, fds[0])
	require.NoError(t, one.Start(uv.Readable, &ready))
	turnOnce(t, l, uv.RunNoWait) // now epoll has it
	_, err := syscall.Write(fds[1], []byte("x"))
	require.NoError(t, err)
	for i, end := range []func(){
		func() { assert.Equal(t, uv.EEXIST, two.Start(uv.Readable, ignore)) },
		func() { assert.NoError(t, two.Stop()) },
		func() { assert.NoError(t, two.Close(nil)) },
	} {
		end()
		turnOnce(t, l, uv.RunNoWait)
		require.Len(t, ready, i+1)
		assert.Equal(t, uv.Readable, ready[i].PollEvents())
	}
	closeAll(t, one)
}

// The number of a descriptor that was watched once is a stream's by the time that the Poll closes.
func TestAPollThatClosesLateLeavesAStreamAlone(t *testing.T) {
	l := newLoop(t)
	fds, others := socketpair(t), socketpair(t)
	p := newPoll(t, l, fds[0])
	require.NoError(t, p.Start(uv.Readable, ignore))
	turnOnce(t, l, uv.RunNoWait)
	require.NoError(t, p.Stop())
	require.NoError(t, syscall.Dup3(others[0], fds[0], syscall.O_CLOEXEC))
	s, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	require.NoError(t, s.Open(uintptr(fds[0])))
	fds[0] = -1 // the stream's
	var reads events
	require.NoError(t, s.ReadStart(&reads))
	turnOnce(t, l, uv.RunNoWait)
	closeAll(t, p)
	_, err = syscall.Write(others[1], []byte("hello"))
	require.NoError(t, err)
	turnOnce(t, l, uv.RunNoWait)
	require.Len(t, reads, 1)
	assert.Equal(t, "hello", string(reads[0].Data))
	require.NoError(t, s.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
}
