// SPDX-License-Identifier: MIT

//go:build !windows

package uv_test

import (
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// socketpair returns the ends of a connection, which the end of the test closes, unless the test has made one -1.
func socketpair(t *testing.T) *[2]int {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, fd := range fds {
			if fd >= 0 {
				_ = syscall.Close(fd)
			}
		}
	})
	return &fds
}

func newPoll(t *testing.T, l *uv.Loop, fd int) *uv.Poll {
	t.Helper()
	p, err := uv.NewPoll(l, fd)
	require.NoError(t, err)
	return p
}

func turnOnce(t *testing.T, l *uv.Loop, mode uv.RunMode) int {
	t.Helper()
	n, err := l.Turn(mode)
	require.NoError(t, err)
	return n
}

// Bytes go both ways, by the descriptors' readiness alone.
func TestPollDuplex(t *testing.T) {
	for _, both := range []bool{true, false} {
		l := newLoop(t)
		fds := socketpair(t)
		const size = 2 << 20
		var done [2]struct{ sent, got, ended int }
		var polls [2]*uv.Poll
		chunk := make([]byte, 32<<10)
		for i := range 2 {
			polls[i] = newPoll(t, l, fds[i])
			var on uv.CompleterFunc
			sends := both || i == 0
			interest := uv.Readable | uv.Disconnect
			if sends {
				interest |= uv.Writable
			}
			on = func(ev uv.Event) {
				d := &done[i]
				assert.Zero(t, ev.Status)
				assert.Zero(t, ev.PollEvents()&^interest, "what was not asked for")
				if ev.PollEvents()&uv.Readable != 0 {
					switch n, err := syscall.Read(fds[i], chunk); {
					case err != nil:
						assert.Equal(t, syscall.EAGAIN, err)
					case n == 0:
						d.ended++
						interest &^= uv.Readable | uv.Disconnect
						assert.NoError(t, polls[i].Start(interest, on))
					default:
						d.got += n
					}
				}
				if ev.PollEvents()&uv.Writable == 0 {
					return
				}
				if d.sent == size {
					assert.NoError(t, syscall.Shutdown(fds[i], syscall.SHUT_WR))
					interest &^= uv.Writable
					assert.NoError(t, polls[i].Start(interest, on))
					return
				}
				n, err := syscall.Write(fds[i], chunk[:min(len(chunk), size-d.sent)])
				if err != nil {
					assert.Equal(t, syscall.EAGAIN, err)
					return
				}
				d.sent += n
			}
			require.NoError(t, polls[i].Start(interest, on))
		}
		for done[1].ended == 0 || both && done[0].ended == 0 {
			turnOnce(t, l, uv.RunOnce)
		}
		assert.Equal(t, size, done[1].got)
		if both {
			assert.Equal(t, size, done[0].got)
		}
		closeAll(t, polls[0], polls[1])
	}
}

// It is told in every turn until somebody reads, once in each.
func TestPollIsLevelTriggered(t *testing.T) {
	l := newLoop(t)
	fds := socketpair(t)
	p := newPoll(t, l, fds[0])
	var ready events
	require.NoError(t, p.Start(uv.Readable, &ready))
	assert.Zero(t, turnOnce(t, l, uv.RunNoWait))
	_, err := syscall.Write(fds[1], []byte("x"))
	require.NoError(t, err)
	for i := range 3 {
		assert.Equal(t, 1, turnOnce(t, l, uv.RunOnce))
		require.Len(t, ready, i+1)
		assert.Equal(t, uv.Readable, ready[i].PollEvents())
	}
	require.NoError(t, p.Start(uv.Writable, &ready), "other events, the same handle")
	turnOnce(t, l, uv.RunOnce)
	assert.Equal(t, uv.Writable, ready[3].PollEvents())
	require.NoError(t, p.Start(0, &ready), "no events stop it")
	assert.False(t, p.IsActive())
	assert.Zero(t, turnOnce(t, l, uv.RunNoWait))
	closeAll(t, p)
	assert.Equal(t, uv.ErrClosed, p.Start(uv.Readable, &ready))
	assert.Equal(t, uv.ErrClosed, p.Stop())
	assert.Equal(t, uv.ErrClosed, p.Close(nil))
}

func TestPollsThatLibuvRefuses(t *testing.T) {
	l := newLoop(t)
	fds := socketpair(t)
	var none events
	one, two := newPoll(t, l, fds[0]), newPoll(t, l, fds[0])
	require.NoError(t, one.Start(uv.Readable, &none))
	assert.Equal(t, uv.EEXIST, two.Start(uv.Readable, &none))
	_, err := uv.NewPoll(l, fds[0])
	assert.Equal(t, uv.EEXIST, err)
	assert.Equal(t, uv.EINVAL, one.Start(1<<10, &none))
	assert.Equal(t, uv.EINVAL, one.Start(uv.Readable, nil))
	assert.True(t, one.IsActive(), "as it was")
	require.NoError(t, one.Stop())
	require.NoError(t, two.Start(uv.Readable, &none))
	closeAll(t, one, two)

	file, err := os.Open(os.Args[0])
	require.NoError(t, err)
	defer file.Close()
	dir, err := os.Open(".")
	require.NoError(t, err)
	defer dir.Close()
	for fd, want := range map[int]error{int(file.Fd()): uv.EPERM, int(dir.Fd()): uv.EPERM, -1: uv.EBADF, 9999: uv.EBADF} {
		_, err := uv.NewPoll(l, fd)
		assert.Equal(t, want, err, fd)
	}
}

// libuv aborts the process when the system refuses a descriptor at the poll.
func TestPollOfAClosedDescriptor(t *testing.T) {
	l := newLoop(t)
	var before, after events
	fds := socketpair(t)
	p := newPoll(t, l, fds[0])
	require.NoError(t, syscall.Close(fds[0]))
	fds[0] = -1
	assert.Equal(t, uv.EBADF, p.Start(uv.Readable, &before))
	closeAll(t, p)

	p = newPoll(t, l, fds[1])
	require.NoError(t, p.Start(uv.Readable, &after))
	require.NoError(t, syscall.Close(fds[1]))
	fds[1] = -1
	after.wait(t, l, 1)
	assert.Equal(t, uv.EBADF, after[0].Status)
	assert.False(t, p.IsActive())
	closeAll(t, p)
	assert.Empty(t, before)
}

// A failed Start says that nothing is watched; so nothing is.
func TestAPollWhoseStartFailsIsStopped(t *testing.T) {
	l := newLoop(t)
	fds := socketpair(t)
	p := newPoll(t, l, fds[0])
	require.NoError(t, p.Start(uv.Readable, ignore))
	turnOnce(t, l, uv.RunNoWait)
	require.NoError(t, syscall.Close(fds[0]))
	fds[0] = -1
	assert.Equal(t, uv.EBADF, p.Start(uv.Writable, ignore))
	assert.False(t, p.IsActive())
	require.NoError(t, l.Run(uv.RunDefault), "nothing keeps the loop alive")
	closeAll(t, p)
}

// Both are ready at once; the first that is told stops or closes both.
func TestPollStoppedInTheSameTurn(t *testing.T) {
	for _, end := range []func(p *uv.Poll) error{(*uv.Poll).Stop, func(p *uv.Poll) error { return p.Close(nil) }} {
		l := newLoop(t)
		fds := socketpair(t)
		p, q := newPoll(t, l, fds[0]), newPoll(t, l, fds[1])
		told := 0
		on := uv.CompleterFunc(func(uv.Event) {
			told++
			assert.NoError(t, end(p))
			assert.NoError(t, end(q))
		})
		require.NoError(t, p.Start(uv.Writable, on))
		require.NoError(t, q.Start(uv.Writable, on))
		require.NoError(t, l.Run(uv.RunDefault))
		assert.Equal(t, 1, told)
		_, _ = p.Close(nil), q.Close(nil)
	}
}

// Out-of-band data: libuv's Prioritized, on TCP.
func TestPollPrioritized(t *testing.T) {
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	fd, err := server.Fileno()
	require.NoError(t, err)
	dup, err := syscall.Dup(int(fd))
	require.NoError(t, err)
	defer syscall.Close(dup)
	p := newPoll(t, l, dup)
	var ready events
	require.NoError(t, p.Start(uv.Prioritized, &ready))
	cfd, err := client.Fileno()
	require.NoError(t, err)
	require.NoError(t, syscall.Sendto(int(cfd), []byte("!"), syscall.MSG_OOB, nil))
	ready.wait(t, l, 1)
	assert.Equal(t, uv.Prioritized, ready[0].PollEvents())
	closeAll(t, p, client, server)
}

func init() {
	handleTypes[uv.TypePoll] = handleType{&uv.Poll{}, func(t *testing.T, l *uv.Loop) (handle, error) {
		return uv.NewPoll(l, socketpair(t)[0])
	}}
	closers[uv.TypePoll] = func(t *testing.T, l *uv.Loop, h handle) func() {
		fd, err := h.(*uv.Poll).Fileno()
		require.NoError(t, err)
		require.NoError(t, h.(*uv.Poll).Start(uv.Readable, ignore))
		return func() {
			again, err := uv.NewPoll(l, int(fd))
			require.NoError(t, err)
			require.NoError(t, again.Close(nil))
		}
	}
	starters[uv.TypePoll] = func(t *testing.T, _ *uv.Loop, h handle) {
		require.NoError(t, h.(*uv.Poll).Start(uv.Readable, ignore))
	}
}

// A loop inside another: the outer polls the inner's descriptor, and turns it when there is something to do.
func TestALoopEmbeddedInAnother(t *testing.T) {
	outer := newLoop(t)
	inner := newLoop(t)
	fd, err := inner.BackendFd()
	require.NoError(t, err)
	var woken events
	async, err := uv.NewAsync(inner, &woken)
	require.NoError(t, err)
	turnOnce(t, inner, uv.RunNoWait) // libuv tells the system what it watches when it runs
	p := newPoll(t, outer, int(fd))
	require.NoError(t, p.Start(uv.Readable, uv.CompleterFunc(func(uv.Event) { turnOnce(t, inner, uv.RunNoWait) })))
	assert.Zero(t, turnOnce(t, outer, uv.RunNoWait))
	for i := range 3 {
		go func() { _ = async.Send() }()
		for len(woken) == i {
			turnOnce(t, outer, uv.RunOnce)
		}
	}
	closeAll(t, p, async)
	require.NoError(t, outer.Run(uv.RunDefault))
}

func TestManyPollsOfOneLoop(t *testing.T) {
	l := newLoop(t)
	const n = 50
	var ready [n]events
	var polls [n]*uv.Poll
	for i := range n {
		fds := socketpair(t)
		polls[i] = newPoll(t, l, fds[0])
		require.NoError(t, polls[i].Start(uv.Readable, &ready[i]))
		if i%2 == 0 {
			_, err := syscall.Write(fds[1], []byte("x"))
			require.NoError(t, err)
		}
	}
	assert.Equal(t, n/2, turnOnce(t, l, uv.RunOnce))
	for i := range n {
		assert.Len(t, ready[i], 1-i%2)
		closeAll(t, polls[i])
	}
}

// The peer's end: of its writing side, Disconnect; a reset is the last event.
func TestPollDisconnect(t *testing.T) {
	l := newLoop(t)
	fds := socketpair(t)
	p := newPoll(t, l, fds[0])
	var ready events
	require.NoError(t, p.Start(uv.Disconnect, &ready))
	assert.Zero(t, turnOnce(t, l, uv.RunNoWait))
	require.NoError(t, syscall.Shutdown(fds[1], syscall.SHUT_WR))
	ready.wait(t, l, 1)
	assert.Equal(t, uv.Disconnect, ready[0].PollEvents())
	closeAll(t, p)
}
