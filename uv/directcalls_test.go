// SPDX-License-Identifier: MIT

package uv_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// What goes to libuv at once comes behind what was asked for before it, which the next turn would have handed over.

func TestTryWriteComesBehindAShutdown(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		var shutdowns events
		require.NoError(t, client.Shutdown(&shutdowns))
		_, err := client.TryWrite([]byte("x"))
		assert.Error(t, err)
		if runtimeIsUnix {
			assert.Equal(t, uv.EPIPE, err)
		}
		_, err = client.TryWriteV([]byte("x"))
		assert.Error(t, err)
		shutdowns.wait(t, l, 1)
		closeStreams(t, client, server)
	})
}

func TestTryWrite2ComesBehindAShutdown(t *testing.T) {
	l := newLoop(t)
	from, to := ipcPair(t, l)
	ln := bound(t, l, loopback)
	var shutdowns events
	require.NoError(t, from.Shutdown(&shutdowns))
	_, err := from.TryWrite2([]byte("x"), ln)
	assert.Error(t, err)
	shutdowns.wait(t, l, 1)
	closeStreams(t, &from.Stream, &to.Stream, &ln.Stream)
}

func TestAnAddressIsFreeBehindTheCloseOfItsListener(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		if k.name == "pipe" && !runtimeIsUnix {
			t.Skip("libuv closes a named pipe's instances in the next turn")
		}
		if k.name == "pipe" {
			name := pipeName(t)
			for range 3 {
				ln, err := uv.NewPipe(l, false)
				require.NoError(t, err)
				require.NoError(t, ln.Bind(name))
				require.NoError(t, ln.Listen(1, ignore))
				require.NoError(t, ln.Close(nil))
			}
			return
		}
		at := loopback
		for range 3 {
			ln := bound(t, l, at)
			require.NoError(t, ln.Listen(1, ignore))
			var err error
			at, err = ln.Sockname()
			require.NoError(t, err)
			require.NoError(t, ln.Close(nil))
		}
	})
}

// A write before there is a connection fails; it does not leave when there is one later.
func TestConnectAndOpenComeBehindAWrite(t *testing.T) {
	l := newLoop(t)
	ln := bound(t, l, loopback)
	require.NoError(t, ln.Listen(8, ignore))
	at, err := ln.Sockname()
	require.NoError(t, err)
	b, n := buffer(l, "x")
	defer b.Free()
	open := func(h interface{ Open(uintptr) error }) error {
		socks, err := uv.SocketPair(1, 0, 0, 0) // SOCK_STREAM on every system
		require.NoError(t, err)
		other, err := uv.NewTCP(l)
		require.NoError(t, err)
		require.NoError(t, other.Open(socks[1]))
		require.NoError(t, other.Close(nil))
		return h.Open(socks[0])
	}
	for what, begin := range map[string]func() (*uv.Stream, func() error){
		"a TCP that connects": func() (*uv.Stream, func() error) {
			tcp, err := uv.NewTCP(l)
			require.NoError(t, err)
			return &tcp.Stream, func() error { return tcp.Connect(at, ignore) }
		},
		"a TCP that is opened": func() (*uv.Stream, func() error) {
			tcp, err := uv.NewTCP(l)
			require.NoError(t, err)
			return &tcp.Stream, func() error { return open(tcp) }
		},
		"a pipe that is opened": func() (*uv.Stream, func() error) {
			pipe, err := uv.NewPipe(l, false)
			require.NoError(t, err)
			return &pipe.Stream, func() error {
				if !runtimeIsUnix { // where sockets are no pipes
					return nil
				}
				return open(pipe)
			}
		},
	} {
		var writes events
		s, connect := begin()
		require.NoError(t, s.Write(b, n, &writes), what)
		require.NoError(t, connect(), what)
		writes.wait(t, l, 1)
		assert.Contains(t, []uv.Errno{uv.EBADF, uv.EPIPE}, writes[0].Status, what)
		closeStreams(t, s)
	}
	closeStreams(t, &ln.Stream)
}

func TestASocketIsThereBehindASend(t *testing.T) {
	for name, ask := range map[string]func(u *uv.UDP) error{
		"Fileno":         func(u *uv.UDP) error { _, err := u.Fileno(); return err },
		"RecvBufferSize": func(u *uv.UDP) error { _, err := u.RecvBufferSize(); return err },
		"SendBufferSize": func(u *uv.UDP) error { return u.SetSendBufferSize(1 << 16) },
	} {
		l := newLoop(t)
		u, err := uv.NewUDP(l)
		require.NoError(t, err)
		assert.Error(t, ask(u), name)
		require.NoError(t, u.Send(text("x"), netip.MustParseAddrPort("127.0.0.1:9"), ignore))
		assert.NoError(t, ask(u), name)
		require.NoError(t, u.Close(nil))
	}
}

func TestWriteQueueSizeCountsWhatWasWritten(t *testing.T) {
	const size = 16 << 20
	l := newLoop(t)
	client, server := kinds[0].pair(t, l)
	b := l.Buffer(size)
	defer b.Free()
	clear(b.Bytes())
	require.NoError(t, client.Write(b, size, ignore))
	assert.Positive(t, client.WriteQueueSize())
	closeStreams(t, client, server)
	require.NoError(t, l.Run(uv.RunDefault))
}
