// SPDX-License-Identifier: MIT

package uv_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	"github.com/weft-go/weft/uv"
)

// order notes in which order events come.
type order []string

func (o *order) note(name string) uv.Completer {
	return uv.CompleterFunc(func(ev uv.Event) {
		if ev.Status != 0 {
			name += " " + ev.Status.Name()
		}
		*o = append(*o, name)
	})
}

func (o *order) wait(t *testing.T, l *uv.Loop, n int) {
	t.Helper()
	for len(*o) < n {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
}

func TestShutdownComesBeforeTheCloseBehindIt(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		var seen order
		// The close may be faster, and cancel it.
		require.NoError(t, client.Shutdown(uv.CompleterFunc(func(uv.Event) { seen = append(seen, "shutdown") })))
		require.NoError(t, client.Close(seen.note("close")))
		seen.wait(t, l, 2)
		assert.Equal(t, order{"shutdown", "close"}, seen)
		closeStreams(t, server)
	})
}

func TestShutdownIsTheEndForThePeerWhoMayGoOn(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		k.halfCloses(t)
		client, server := k.pair(t, l)
		var seen order
		var asked, answered string
		require.NoError(t, server.ReadStart(uv.CompleterFunc(func(ev uv.Event) {
			asked += string(ev.Data)
			if ev.Status == uv.EOF {
				seen = append(seen, "server: end")
				assert.NoError(t, server.Send([]byte("you said "+asked), false, ignore), "half open")
				assert.NoError(t, server.Shutdown(seen.note("server: shutdown")))
			}
		})))
		require.NoError(t, client.ReadStart(uv.CompleterFunc(func(ev uv.Event) {
			answered += string(ev.Data)
			if ev.Status == uv.EOF {
				seen = append(seen, "client: end")
			}
		})))
		b, n := buffer(l, "Q")
		defer b.Free()
		require.NoError(t, client.Write(b, n, seen.note("client: write")))
		require.NoError(t, client.Shutdown(seen.note("client: shutdown")))
		seen.wait(t, l, 5)
		assert.Equal(t, "client: write", seen[0])
		assert.ElementsMatch(t, order{"client: write", "client: shutdown", "server: end", "server: shutdown", "client: end"}, seen)
		assert.Equal(t, "you said Q", answered)
		closeStreams(t, client, server)
	})
}

func TestBothEndsShutDownAtOnce(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		k.halfCloses(t)
		client, server := k.pair(t, l)
		var shutdowns, reads events
		for _, s := range []*uv.Stream{client, server} {
			require.NoError(t, s.ReadStart(&reads))
			require.NoError(t, s.Shutdown(&shutdowns))
		}
		shutdowns.wait(t, l, 2)
		reads.wait(t, l, 2)
		for i := range 2 {
			assert.Zero(t, shutdowns[i].Status)
			assert.Equal(t, uv.EOF, reads[i].Status)
		}
		closeStreams(t, client, server)
	})
}

func TestShutdownThatCannotBe(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		var conns, connects, shutdowns events
		ln := k.listen(t, l, &conns)
		require.NoError(t, ln.Shutdown(&shutdowns), "a listener")
		client, err := ln.dial(&connects)
		require.NoError(t, err)
		// libuv would say here that it is connected, whatever the system says.
		require.NoError(t, client.Shutdown(&shutdowns), "not connected yet")
		shutdowns.wait(t, l, 2)
		connects.wait(t, l, 1)
		assert.Zero(t, connects[0].Status)
		require.NoError(t, client.Shutdown(&shutdowns), "the first one")
		require.NoError(t, client.Shutdown(&shutdowns), "the second one")
		shutdowns.wait(t, l, 4)
		var codes []uv.Errno
		for _, ev := range shutdowns {
			codes = append(codes, ev.Status)
		}
		assert.ElementsMatch(t, []uv.Errno{uv.ENOTCONN, uv.ENOTCONN, uv.ENOTCONN, 0}, codes)
		require.NoError(t, client.Shutdown(&shutdowns), "one that comes later")
		shutdowns.wait(t, l, 5)
		assert.Equal(t, uv.ENOTCONN, shutdowns[4].Status)
		conns.wait(t, l, 1)
		closeStreams(t, client, ln.Stream)
	})
}

func TestAfterShutdownNothingIsWritten(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		assert.True(t, client.IsWritable() && client.IsReadable())
		var shutdowns, writes events
		require.NoError(t, client.Shutdown(&shutdowns))
		assert.False(t, client.IsWritable(), "at once")
		shutdowns.wait(t, l, 1)
		assert.False(t, client.IsWritable())
		assert.True(t, client.IsReadable())
		b, n := buffer(l, "x")
		defer b.Free()
		require.NoError(t, client.Write(b, n, &writes))
		require.NoError(t, client.Send([]byte("x"), true, &writes))
		writes.wait(t, l, 2)
		assert.Equal(t, uv.EPIPE, writes[0].Status)
		assert.Equal(t, uv.EPIPE, writes[1].Status)
		assert.Equal(t, uv.EPIPE, client.WriteV([]uv.Part{{Buffer: b, N: n}}, &writes))
		_, err := client.TryWrite([]byte("x"))
		if k.name != "pipe" { // on Windows a pipe has no writes that do not wait
			assert.Equal(t, uv.EPIPE, err)
		}
		assert.Error(t, err)
		closeStreams(t, client, server)
	})
}

func TestWritesBeforeAShutdownArrive(t *testing.T) {
	const size = 4 << 20
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		k.halfCloses(t)
		client, server := k.pair(t, l)
		b := l.Buffer(size)
		defer b.Free()
		clear(b.Bytes())
		var seen order
		require.NoError(t, client.Write(b, size, seen.note("write")))
		require.NoError(t, client.Shutdown(seen.note("shutdown")))
		got, end := 0, uv.Errno(0)
		require.NoError(t, server.ReadStart(uv.CompleterFunc(func(ev uv.Event) { got, end = got+len(ev.Data), ev.Status })))
		for end == 0 {
			_, err := l.Turn(uv.RunOnce)
			require.NoError(t, err)
		}
		seen.wait(t, l, 2)
		assert.Equal(t, order{"write", "shutdown"}, seen)
		assert.Equal(t, uv.EOF, end)
		assert.Equal(t, size, got)
		closeStreams(t, client, server)
	})
}

func TestCloseBehindAQueuedShutdownCancelsIt(t *testing.T) {
	const size = 16 << 20
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		if k.name == "pipe" {
			wine.Skip(t, "Wine takes all of a write to a pipe")
		}
		client, server := k.pair(t, l)
		b := l.Buffer(size)
		defer b.Free()
		clear(b.Bytes())
		var seen order
		require.NoError(t, client.Write(b, size, seen.note("write")))
		require.NoError(t, client.Shutdown(seen.note("shutdown")))
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
		assert.Empty(t, seen)
		require.NoError(t, client.Close(seen.note("close")))
		seen.wait(t, l, 3)
		assert.Equal(t, order{"write ECANCELED", "shutdown ECANCELED", "close"}, seen)
		closeStreams(t, server)
	})
}
