// SPDX-License-Identifier: MIT

package uv_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

const runtimeIsUnix = runtime.GOOS != "windows"

func TestAConnectThatFailsLeavesTheHandleOpen(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		var connects, again events
		ln := k.listen(t, l, ignore)
		require.NoError(t, ln.Close(nil))
		require.NoError(t, l.Run(uv.RunDefault))
		client, err := ln.dial(&connects)
		require.NoError(t, err)
		connects.wait(t, l, 1)
		want := uv.ECONNREFUSED
		if k.name == "pipe" {
			want = uv.ENOENT
		}
		assert.Equal(t, want, connects[0].Status)
		turnsOf(t, l, time.Millisecond)
		assert.False(t, client.IsClosing(), "the program closes it")
		assert.False(t, client.IsActive())
		assert.Len(t, connects, 1)
		other, err := ln.dial(&again)
		require.NoError(t, err)
		closeStreams(t, client, other)
		again.wait(t, l, 1)
		assert.Contains(t, []uv.Errno{want, uv.ECANCELED}, again[0].Status)
	})
}

func TestCloseWhileConnecting(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		var seen order
		ln := k.listen(t, l, ignore)
		client, err := ln.dial(seen.note("connect"))
		require.NoError(t, err)
		require.NoError(t, client.Close(seen.note("close")))
		seen.wait(t, l, 2)
		assert.Equal(t, order{"connect ECANCELED", "close"}, seen)
		closeStreams(t, ln.Stream)
	})
}

func TestAConnectionWaitsToBeAccepted(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		k.halfCloses(t)
		var conns, connects events
		ln := k.listen(t, l, &conns)
		client, err := ln.dial(&connects)
		require.NoError(t, err)
		connects.wait(t, l, 1)
		conns.wait(t, l, 1)
		require.NoError(t, client.Send([]byte("are you there?"), false, ignore))
		require.NoError(t, client.Shutdown(ignore))
		turnsOf(t, l, 5*time.Millisecond)
		server, err := ln.accept()
		require.NoError(t, err)
		var reads events
		require.NoError(t, server.ReadStart(&reads))
		reads.wait(t, l, 2)
		assert.Equal(t, "are you there?", string(reads[0].Data))
		assert.Equal(t, uv.EOF, reads[1].Status)
		closeStreams(t, client, server, ln.Stream)
	})
}

func TestManyConnectAtOnce(t *testing.T) {
	const n = 20
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		var conns, connects events
		ln := k.listen(t, l, &conns)
		var all []*uv.Stream
		for range n {
			client, err := ln.dial(&connects)
			require.NoError(t, err)
			all = append(all, client)
		}
		conns.wait(t, l, n)
		connects.wait(t, l, n)
		for i := range n {
			server, err := ln.accept()
			require.NoError(t, err)
			all = append(all, server)
			assert.Zero(t, connects[i].Status)
		}
		_, err := ln.accept()
		assert.Equal(t, uv.EAGAIN, err)
		closeStreams(t, append(all, ln.Stream)...)
	})
}

// The server hears of connections whose clients are gone.
func TestClientsAreGoneBeforeTheyAreAccepted(t *testing.T) {
	const n = 5
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		var conns, connects events
		ln := k.listen(t, l, &conns)
		for range n {
			client, err := ln.dial(&connects)
			require.NoError(t, err)
			connects.wait(t, l, len(connects)+1)
			require.NoError(t, client.Close(nil))
		}
		conns.wait(t, l, n)
		for range n {
			server, err := ln.accept()
			require.NoError(t, err)
			var reads events
			require.NoError(t, server.ReadStart(&reads))
			reads.wait(t, l, 1)
			assert.NotZero(t, reads[0].Status)
			require.NoError(t, server.Close(nil))
		}
		require.NoError(t, ln.Close(nil))
	})
}

func TestTheListenerClosesWhileAClientConnects(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		var connects, reads events
		ln := k.listen(t, l, ignore)
		client, err := ln.dial(&connects)
		require.NoError(t, err)
		require.NoError(t, ln.Close(nil))
		connects.wait(t, l, 1)
		if connects[0].Status == 0 {
			require.NoError(t, client.ReadStart(&reads))
			reads.wait(t, l, 1)
			assert.NotZero(t, reads[0].Status)
		}
		closeStreams(t, client)
	})
}

// connector is what TCP and Pipe have in common here, with the address that they are to connect to in it.
type connector struct {
	*uv.Stream
	connect func(c uv.Completer) error
}

func connectors(t *testing.T, l *uv.Loop) map[string]func() connector {
	t.Helper()
	tcpAt := bound(t, l, loopback)
	require.NoError(t, tcpAt.Listen(8, ignore))
	addr, err := tcpAt.Sockname()
	require.NoError(t, err)
	name := pipeName(t)
	pipeAt, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	require.NoError(t, pipeAt.Bind(name))
	require.NoError(t, pipeAt.Listen(8, ignore))
	t.Cleanup(func() { closeStreams(t, &tcpAt.Stream, &pipeAt.Stream) })
	return map[string]func() connector{
		"tcp": func() connector {
			tcp, err := uv.NewTCP(l)
			require.NoError(t, err)
			return connector{&tcp.Stream, func(c uv.Completer) error { return tcp.Connect(addr, c) }}
		},
		"pipe": func() connector {
			pipe, err := uv.NewPipe(l, false)
			require.NoError(t, err)
			return connector{&pipe.Stream, func(c uv.Completer) error { return pipe.Connect(name, c) }}
		},
	}
}

// A second connect of a pipe would have libuv forget the first one: the loop would never end.
func TestASecondConnectIsRefused(t *testing.T) {
	l := newLoop(t)
	for name, dial := range connectors(t, l) {
		t.Run(name, func(t *testing.T) {
			c := dial()
			var connects events
			require.NoError(t, c.connect(&connects))
			assert.Equal(t, uv.EALREADY, c.connect(&connects), "while it connects")
			connects.wait(t, l, 1)
			assert.Zero(t, connects[0].Status)
			if runtimeIsUnix || name == "tcp" {
				assert.Equal(t, uv.EISCONN, c.connect(&connects), "when it is connected")
			}
			require.NoError(t, c.Send([]byte("still well"), false, ignore))
			_, err := l.Turn(uv.RunNoWait)
			require.NoError(t, err)
			closeStreams(t, c.Stream)
			assert.Len(t, connects, 1)
		})
	}
}

func TestAListenerDoesNotConnectNorListenAgain(t *testing.T) {
	l := newLoop(t)
	dial := connectors(t, l)
	pipe, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	name := pipeName(t)
	require.NoError(t, pipe.Bind(name))
	require.NoError(t, pipe.Listen(1, ignore))
	assert.Equal(t, uv.EALREADY, pipe.Listen(1, ignore))
	assert.Equal(t, uv.EINVAL, pipe.Connect(name, ignore))
	tcp := bound(t, l, loopback)
	require.NoError(t, tcp.Listen(1, ignore))
	assert.Equal(t, uv.EALREADY, tcp.Listen(1, ignore))
	addr, err := tcp.Sockname()
	require.NoError(t, err)
	assert.Equal(t, uv.EINVAL, tcp.Connect(addr, ignore))
	closeStreams(t, &pipe.Stream, &tcp.Stream)
	for name, d := range dial {
		c := d()
		var connects events
		require.NoError(t, c.connect(&connects))
		assert.Error(t, c.Listen(1, ignore), name)
		connects.wait(t, l, 1)
		assert.Zero(t, connects[0].Status, name)
		assert.Error(t, c.Listen(1, ignore), name)
		closeStreams(t, c.Stream)
	}
}
