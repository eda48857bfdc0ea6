// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"io"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// streamSocket returns a socket of the system's.
func streamSocket(t *testing.T, family int) uintptr {
	t.Helper()
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	require.NoError(t, err)
	syscall.CloseOnExec(fd)
	return uintptr(fd)
}

func TestOpenASocket(t *testing.T) {
	l := newLoop(t)
	fd, other := streamSocket(t, syscall.AF_INET), streamSocket(t, syscall.AF_INET)
	tcp := newTCP(t, l)
	require.NoError(t, tcp.Open(fd))
	got, err := tcp.Fileno()
	require.NoError(t, err)
	assert.Equal(t, fd, got)
	assert.Equal(t, uv.EBUSY, tcp.Open(other), "it has one already")
	require.NoError(t, syscall.Close(int(other)), "and is not taken")
	assert.Equal(t, uv.EBADF, newTCPClosedAtEnd(t, l).Open(other))
	assert.Equal(t, uv.EBADF, newTCPClosedAtEnd(t, l).Open(^uintptr(0)))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var connects events
	require.NoError(t, tcp.Connect(ln.Addr().(*net.TCPAddr).AddrPort(), &connects))
	connects.wait(t, l, 1)
	assert.Zero(t, connects[0].Status)
	assert.Equal(t, uv.EEXIST, newTCPClosedAtEnd(t, l).Open(watched(t, l, tcp)), "the loop has it")
	require.NoError(t, ln.Close())
	closeStreams(t, &tcp.Stream)
}

func newTCPClosedAtEnd(t *testing.T, l *uv.Loop) *uv.TCP {
	t.Helper()
	tcp := newTCP(t, l)
	t.Cleanup(func() { closeStreams(t, &tcp.Stream) })
	return tcp
}

// watched has the loop watch a stream's descriptor, and returns it.
func watched(t *testing.T, l *uv.Loop, tcp *uv.TCP) uintptr {
	t.Helper()
	require.NoError(t, tcp.ReadStart(ignore))
	_, err := l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	fd, err := tcp.Fileno()
	require.NoError(t, err)
	return fd
}

func TestOpenASocketThatIsBound(t *testing.T) {
	l := newLoop(t)
	fd := streamSocket(t, syscall.AF_INET)
	require.NoError(t, syscall.Bind(int(fd), &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	tcp := newTCP(t, l)
	require.NoError(t, tcp.Open(fd))
	require.NoError(t, tcp.Listen(8, ignore))
	at, err := tcp.Sockname()
	require.NoError(t, err)
	assert.Equal(t, loopback.Addr(), at.Addr())
	closeStreams(t, &tcp.Stream)
}

// A connection of Go's net goes on in libuv: a duplicate of its descriptor.
func TestOpenAConnection(t *testing.T) {
	l := newLoop(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	conn, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	peer, err := ln.Accept()
	require.NoError(t, err)
	file, err := conn.(*net.TCPConn).File()
	require.NoError(t, err)
	fd, err := syscall.Dup(int(file.Fd()))
	require.NoError(t, err)
	for _, c := range []io.Closer{ln, conn, file} {
		require.NoError(t, c.Close())
	}
	tcp := newTCP(t, l)
	require.NoError(t, tcp.Open(uintptr(fd)))
	assert.True(t, tcp.IsReadable() && tcp.IsWritable())
	_, err = peer.Write([]byte("to libuv"))
	require.NoError(t, err)
	var reads events
	require.NoError(t, tcp.ReadStart(&reads))
	reads.wait(t, l, 1)
	assert.Equal(t, "to libuv", string(reads[0].Data))
	require.NoError(t, tcp.Send([]byte("from libuv"), false, ignore))
	closeStreams(t, &tcp.Stream)
	require.NoError(t, l.Run(uv.RunDefault))
	all, err := io.ReadAll(peer)
	require.NoError(t, err)
	assert.Equal(t, "from libuv", string(all))
	require.NoError(t, peer.Close())
}

func TestSocketPairIsConnected(t *testing.T) {
	l := newLoop(t)
	fds, err := uv.SocketPair(syscall.SOCK_STREAM, 0, uv.NonBlocking, 0)
	require.NoError(t, err)
	var ends [2]*uv.Pipe
	for i, fd := range fds {
		ends[i], err = uv.NewPipe(l, false)
		require.NoError(t, err)
		require.NoError(t, ends[i].Open(fd))
	}
	talks(t, l, &ends[0].Stream, &ends[1].Stream)
	talks(t, l, &ends[1].Stream, &ends[0].Stream)
	closeStreams(t, &ends[0].Stream, &ends[1].Stream)
	_, err = uv.SocketPair(-1, 0, 0, 0)
	assert.Error(t, err)
}

// shutdown(2), which libuv does not know of, is no reason not to reset.
func TestCloseResetAfterAShutdownOfTheSystems(t *testing.T) {
	eachFamily(t, func(t *testing.T, l *uv.Loop, any netip.AddrPort) {
		ours, theirs := connected(t, l, any)
		fd, err := ours.Fileno()
		require.NoError(t, err)
		require.NoError(t, syscall.Shutdown(int(fd), syscall.SHUT_WR))
		require.NoError(t, ours.CloseReset(nil))
		want := []uv.Errno{uv.EOF} // the reset comes behind it
		if runtime.GOOS != "linux" {
			want = append(want, uv.ECONNRESET)
		}
		assert.Contains(t, want, resetOf(t, l, &theirs.Stream))
		closeStreams(t, &theirs.Stream)
	})
}

// fullListener returns the address of a listener whose backlog is full: who connects waits.
func fullListener(t *testing.T, family int, any netip.AddrPort) netip.AddrPort {
	t.Helper()
	fd := int(streamSocket(t, family))
	t.Cleanup(func() { _ = syscall.Close(fd) })
	var sa syscall.Sockaddr = &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if family == syscall.AF_INET6 {
		sa = &syscall.SockaddrInet6{Addr: any.Addr().As16()}
	}
	require.NoError(t, syscall.Bind(fd, sa))
	require.NoError(t, syscall.Listen(fd, 0))
	sa, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	port := 0
	switch sa := sa.(type) {
	case *syscall.SockaddrInet4:
		port = sa.Port
	case *syscall.SockaddrInet6:
		port = sa.Port
	}
	at := netip.AddrPortFrom(any.Addr(), uint16(port))
	for {
		conn, err := net.DialTimeout("tcp", at.String(), 50*time.Millisecond)
		if err != nil {
			return at
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
}

func TestAConnectThatNobodyAnswersEndsWithClose(t *testing.T) {
	for name, family := range map[string]int{"tcp4": syscall.AF_INET, "tcp6": syscall.AF_INET6} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			at := fullListener(t, family, loopbacks[name])
			var seen order
			var shutdowns events
			tcp := newTCP(t, l)
			require.NoError(t, tcp.Connect(at, seen.note("connect")))
			// libuv would call this connected.
			require.NoError(t, tcp.Shutdown(&shutdowns))
			shutdowns.wait(t, l, 1)
			assert.Equal(t, uv.ENOTCONN, shutdowns[0].Status)
			b, n := buffer(l, "waits")
			defer b.Free()
			require.NoError(t, tcp.Write(b, n, seen.note("write")))
			turnsOf(t, l, 10*time.Millisecond)
			assert.Empty(t, seen)
			assert.Equal(t, n, tcp.WriteQueueSize())
			_, err := tcp.TryWrite([]byte("x"))
			assert.Equal(t, uv.EAGAIN, err)
			require.NoError(t, tcp.Close(seen.note("close")))
			seen.wait(t, l, 3)
			assert.Equal(t, order{"connect ECANCELED", "write ECANCELED", "close"}, seen)
		})
	}
}

// Urgent data neither stops a reader nor has it spin.
func TestOutOfBandData(t *testing.T) {
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	all := collect(t, &server.Stream)
	fd, err := client.Fileno()
	require.NoError(t, err)
	require.NoError(t, syscall.Sendto(int(fd), []byte("!"), syscall.MSG_OOB, nil))
	assert.Less(t, turnsOf(t, l, 10*time.Millisecond), 20)
	require.NoError(t, client.Send([]byte("hello"), false, ignore))
	until(t, l, func() bool { return all.Len() >= 5 })
	assert.Contains(t, all.String(), "hello")
	closeStreams(t, &client.Stream, &server.Stream)
}

func TestBlockingWritesAreDoneWhenTheTurnIs(t *testing.T) {
	const size = 8 << 20
	l := newLoop(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	got := make(chan int, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			got <- -1
			return
		}
		n, _ := io.Copy(io.Discard, c)
		_ = c.Close()
		got <- int(n)
	}()
	tcp := newTCP(t, l)
	assert.Equal(t, uv.EBADF, tcp.SetBlocking(true), "there is no socket")
	var connects, writes events
	require.NoError(t, tcp.Connect(ln.Addr().(*net.TCPAddr).AddrPort(), &connects))
	connects.wait(t, l, 1)
	require.NoError(t, tcp.SetBlocking(true))
	b := l.Buffer(size)
	defer b.Free()
	clear(b.Bytes())
	require.NoError(t, tcp.Write(b, size, &writes))
	_, err = l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	require.Len(t, writes, 1)
	assert.Zero(t, writes[0].Status)
	require.NoError(t, tcp.SetBlocking(false))
	closeStreams(t, &tcp.Stream)
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, size, <-got)
	require.NoError(t, ln.Close())
}
