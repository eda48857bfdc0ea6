// SPDX-License-Identifier: MIT

package uv_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// refusedFd opens something that epoll refuses, for which libuv aborts the process.
func refusedFd(t *testing.T, name string) int {
	t.Helper()
	fd, err := syscall.Open(name, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
	require.NoError(t, err)
	return fd
}

// eachOpened runs f with a Pipe and with a TCP that something of a name was opened for.
func eachOpened(t *testing.T, name string, f func(t *testing.T, l *uv.Loop, s *uv.Stream)) {
	t.Helper()
	t.Run("pipe", func(t *testing.T) {
		l := newLoop(t)
		pipe, err := uv.NewPipe(l, false)
		require.NoError(t, err)
		require.NoError(t, pipe.Open(uintptr(refusedFd(t, name))))
		f(t, l, &pipe.Stream)
		closeStreams(t, &pipe.Stream)
	})
	t.Run("tcp", func(t *testing.T) {
		l := newLoop(t)
		tcp, err := uv.NewTCP(l)
		require.NoError(t, err)
		require.NoError(t, tcp.Open(uintptr(refusedFd(t, name))))
		f(t, l, &tcp.Stream)
		closeStreams(t, &tcp.Stream)
	})
}

// endsAtOnce checks that a stream of something that epoll refuses is not read.
func endsAtOnce(t *testing.T, l *uv.Loop, s *uv.Stream) {
	t.Helper()
	var reads, shutdowns events
	for i := range 2 {
		require.NoError(t, s.ReadStart(&reads))
		reads.wait(t, l, i+1)
		assert.Equal(t, uv.EPERM, reads[i].Status)
	}
	require.NoError(t, s.ReadStop())
	require.NoError(t, s.Shutdown(&shutdowns))
	shutdowns.wait(t, l, 1)
	assert.Equal(t, uv.ENOTCONN, shutdowns[0].Status)
	assert.Equal(t, uv.EINVAL, s.Listen(1, ignore), "it was read")
}

func TestWhatTheSystemCannotWaitForIsNotRead(t *testing.T) {
	for _, name := range []string{"/dev/null", "/dev/zero", filepath.Join(t.TempDir(), "file")} {
		t.Run(filepath.Base(name), func(t *testing.T) { eachOpened(t, name, endsAtOnce) })
	}
}

// More parts than the system takes at once: libuv would wait for the rest.
func TestWhatTheSystemCannotWaitForIsWritten(t *testing.T) {
	const parts = 3000
	name := filepath.Join(t.TempDir(), "file")
	eachOpened(t, name, func(t *testing.T, l *uv.Loop, s *uv.Stream) {
		b, n := buffer(l, "abc")
		defer b.Free()
		many := make([]uv.Part, parts)
		for i := range many {
			many[i] = uv.Part{Buffer: b, N: n}
		}
		var seen order
		require.NoError(t, s.Write(b, n, seen.note("write")))
		require.NoError(t, s.WriteV(many, seen.note("parts")))
		require.NoError(t, s.Send([]byte("def"), true, seen.note("send")))
		seen.wait(t, l, 3)
		assert.Equal(t, order{"write", "parts", "send"}, seen)
		got, err := s.TryWrite([]byte("ghi"))
		require.NoError(t, err)
		assert.Equal(t, 3, got)
		content, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, strings.Repeat("abc", parts+1)+"defghi", string(content))
	})
}

func TestAFullDeviceFailsWrites(t *testing.T) {
	eachOpened(t, "/dev/full", func(t *testing.T, l *uv.Loop, s *uv.Stream) {
		b, n := buffer(l, "abc")
		defer b.Free()
		var writes events
		require.NoError(t, s.Write(b, n, &writes))
		require.NoError(t, s.WriteV([]uv.Part{{Buffer: b, N: n}, {Buffer: b, N: n}}, &writes))
		require.NoError(t, s.Send([]byte("abc"), false, &writes))
		writes.wait(t, l, 3)
		for _, ev := range writes {
			assert.Equal(t, uv.ENOSPC, ev.Status)
		}
	})
}

// received returns what comes out of an IPC pipe into which somebody has sent a descriptor, which is closed.
func received(t *testing.T, l *uv.Loop, fd int, h uv.AnyHandle) {
	t.Helper()
	fds, err := uv.SocketPair(syscall.SOCK_STREAM, 0, 0, uv.NonBlocking)
	require.NoError(t, err)
	p, err := uv.NewPipe(l, true)
	require.NoError(t, err)
	require.NoError(t, p.Open(fds[1]))
	require.NoError(t, syscall.Sendmsg(int(fds[0]), []byte("x"), syscall.UnixRights(fd), nil, 0))
	require.NoError(t, syscall.Close(int(fds[0])))
	require.NoError(t, syscall.Close(fd))
	var reads events
	require.NoError(t, p.ReadStart(&reads))
	reads.wait(t, l, 1)
	require.NoError(t, p.AcceptPending(h))
	closeStreams(t, &p.Stream)
}

func TestAFileThatWasPassedIsNotRead(t *testing.T) {
	for _, name := range []string{"/dev/null", filepath.Join(t.TempDir(), "file")} {
		l := newLoop(t)
		got := &uv.Pipe{}
		received(t, l, refusedFd(t, name), got)
		endsAtOnce(t, l, &got.Stream)
		closeStreams(t, &got.Stream)
	}
}

// It cannot pass handles either.
func TestAnIPCPipeOfAFilePassesNothing(t *testing.T) {
	l := newLoop(t)
	p, err := uv.NewPipe(l, true)
	require.NoError(t, err)
	require.NoError(t, p.Open(uintptr(refusedFd(t, os.DevNull))))
	ln := bound(t, l, loopback)
	b, n := buffer(l, "x")
	defer b.Free()
	assert.Equal(t, uv.EPERM, p.Write2(b, n, ln, ignore))
	_, err = p.TryWrite2([]byte("x"), ln)
	assert.Equal(t, uv.EPERM, err)
	closeStreams(t, &p.Stream, &ln.Stream)
}

// libuv leaves a socket that was passed as it is: a write that does not fit would hold up the loop.
func TestADescriptorThatWasPassedDoesNotBlock(t *testing.T) {
	l := newLoop(t)
	fds := socketpair(t)
	pipe, err := syscall.Dup(fds[0])
	require.NoError(t, err)
	tcp, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	gotPipe, gotTCP := &uv.Pipe{}, &uv.TCP{}
	received(t, l, pipe, gotPipe)
	received(t, l, tcp, gotTCP)
	for _, h := range []interface{ Fileno() (uintptr, error) }{gotPipe, gotTCP} {
		fd, err := h.Fileno()
		require.NoError(t, err)
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
		require.Zero(t, errno)
		assert.NotZero(t, flags&syscall.O_NONBLOCK)
	}
	closeStreams(t, &gotPipe.Stream, &gotTCP.Stream)
}

// Its queue of errors is read, or every poll would return at once.
func TestAUDPSocketThatWasPassedTellsItsErrors(t *testing.T) {
	for name, end := range ends(t) {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			from, to := ipcPair(t, l)
			u := &uv.UDP{}
			require.NoError(t, u.Init(l))
			require.NoError(t, u.Bind(end, uv.UDPLinuxRecvErr))
			b, n := buffer(l, "udp")
			defer b.Free()
			var writes, reads events
			require.NoError(t, from.Write2(b, n, u, &writes))
			require.NoError(t, to.ReadStart(&reads))
			writes.wait(t, l, 1)
			reads.wait(t, l, 1)
			require.NoError(t, u.Close(nil))
			passed := &uv.UDP{}
			require.NoError(t, to.AcceptPending(passed))
			closeStreams(t, &from.Stream, &to.Stream)
			var got inbox
			require.NoError(t, passed.RecvStart(&got))
			_, err := passed.TrySend(text("x"), deserted(t, end))
			require.NoError(t, err)
			got.wait(t, l, 1)
			assert.Equal(t, uv.ECONNREFUSED, got[0].status)
			assert.True(t, sleeps(t, l), "the loop sleeps")
			require.NoError(t, passed.Close(nil))
		})
	}
}

// What is closed elsewhere before the loop has the system watch it is an error of whoever reads or writes it.
func TestDescriptorsThatAreClosedElsewhere(t *testing.T) {
	l := newLoop(t)
	tcp, err := uv.NewTCP(l)
	require.NoError(t, err)
	pipe := newPipe(t, l)
	for s, open := range map[*uv.Stream]func(uintptr) error{&tcp.Stream: tcp.Open, &pipe.Stream: pipe.Open} {
		fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
		require.NoError(t, err)
		defer syscall.Close(fds[1])
		require.NoError(t, open(uintptr(fds[0])))
		var read, shut events
		require.NoError(t, s.ReadStart(&read))
		require.NoError(t, syscall.Close(fds[0]))
		read.wait(t, l, 1)
		assert.Equal(t, uv.EBADF, read[0].Status)
		_, err = s.TryWrite([]byte("x"))
		assert.Equal(t, uv.EBADF, err)
		require.NoError(t, s.Shutdown(&shut))
		shut.wait(t, l, 1)
		assert.Equal(t, uv.EBADF, shut[0].Status)
		closeStreams(t, s)
	}
}
