// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// unwritable is what systems say of a socket without a connection.
var unwritable = []uv.Errno{uv.EPIPE, uv.ENOTCONN}

// writableListeners are listeners that libuv takes for connections.
var writableListeners = map[string]func(*testing.T, *uv.Loop) *uv.TCP{
	"opened": func(t *testing.T, l *uv.Loop) *uv.TCP {
		tcp := newTCP(t, l)
		require.NoError(t, tcp.Open(streamSocket(t, syscall.AF_INET)))
		require.NoError(t, tcp.Listen(8, ignore))
		return tcp
	},
	"passed": func(t *testing.T, l *uv.Loop) *uv.TCP {
		a, b := ipcPair(t, l)
		ln := bound(t, l, loopback)
		require.NoError(t, ln.Listen(8, ignore))
		_, err := a.TryWrite2([]byte("x"), ln)
		require.NoError(t, err)
		var reads events
		require.NoError(t, b.ReadStart(&reads))
		reads.wait(t, l, 1)
		passed := &uv.TCP{}
		require.NoError(t, b.AcceptPending(passed))
		require.NoError(t, passed.Listen(8, ignore))
		closeStreams(t, &a.Stream, &b.Stream, &ln.Stream)
		return passed
	},
}

// To libuv, what a listener hears can only be a connection: it aborts for the end of a shutdown or a write.
func TestAListenerThatLibuvTakesForAConnection(t *testing.T) {
	for name, listener := range writableListeners {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			ln := listener(t, l)
			var shutdowns, writes events
			require.NoError(t, ln.Shutdown(&shutdowns))
			shutdowns.wait(t, l, 1)
			assert.Equal(t, uv.ENOTCONN, shutdowns[0].Status)
			b, n := buffer(l, "x")
			defer b.Free()
			assert.Equal(t, uv.EPIPE, ln.WriteV([]uv.Part{{Buffer: b, N: n}}, &writes))
			_, err := ln.TryWrite([]byte("x"))
			assert.Contains(t, unwritable, err)
			require.NoError(t, ln.Write(b, n, &writes))
			require.NoError(t, ln.Send([]byte("x"), true, &writes))
			writes.wait(t, l, 2)
			assert.Contains(t, unwritable, writes[0].Status)
			assert.Contains(t, unwritable, writes[1].Status)
			turnsOf(t, l, 0)
			closeStreams(t, &ln.Stream)
		})
	}
}

func TestWhatIsWrittenOrShutDownDoesNotListen(t *testing.T) {
	l := newLoop(t)
	var shutdowns, writes events
	written, shut := newTCP(t, l), newTCP(t, l)
	b, n := buffer(l, "x")
	defer b.Free()
	require.NoError(t, written.Open(streamSocket(t, syscall.AF_INET)))
	require.NoError(t, written.WriteV([]uv.Part{{Buffer: b, N: n}}, &writes))
	assert.Equal(t, uv.EINVAL, written.Listen(8, ignore), "libuv has the write")
	require.NoError(t, shut.Open(streamSocket(t, syscall.AF_INET)))
	require.NoError(t, shut.Shutdown(&shutdowns))
	assert.Equal(t, uv.EINVAL, shut.Listen(8, ignore), "libuv has the shutdown")
	writes.wait(t, l, 1)
	shutdowns.wait(t, l, 1)
	assert.Contains(t, unwritable, writes[0].Status)
	assert.Equal(t, uv.ENOTCONN, shutdowns[0].Status)
	assert.NoError(t, written.Listen(8, ignore), "it has failed")
	closeStreams(t, &written.Stream, &shut.Stream)
}

// libuv takes the stream for one that has a descriptor, and aborts.
func TestAStreamWhoseOpenHasFailedHalfway(t *testing.T) {
	l := newLoop(t)
	socks, err := uv.SocketPair(syscall.SOCK_STREAM, 0, 0, 0)
	require.NoError(t, err)
	tcp := newTCP(t, l)
	require.NoError(t, tcp.NoDelay(true))
	require.Error(t, tcp.Open(socks[0]), "it has no such option")
	var seen events
	require.NoError(t, tcp.ReadStart(&seen))
	seen.wait(t, l, 1)
	require.NoError(t, tcp.Shutdown(&seen))
	seen.wait(t, l, 2)
	require.NoError(t, tcp.Send([]byte("x"), true, &seen))
	seen.wait(t, l, 3)
	assert.Equal(t, uv.ENOTCONN, seen[0].Status)
	assert.Equal(t, uv.ENOTCONN, seen[1].Status)
	assert.Equal(t, uv.EBADF, seen[2].Status)
	for _, sock := range socks {
		require.NoError(t, syscall.Close(int(sock)), "and is not taken")
	}
	closeStreams(t, &tcp.Stream)
}
