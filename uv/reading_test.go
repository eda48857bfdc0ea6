// SPDX-License-Identifier: MIT

package uv_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

func TestReadingOnAfterAnEndMeetsItAgain(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		var first, again events
		require.NoError(t, server.ReadStart(&first))
		require.NoError(t, client.Close(nil))
		first.wait(t, l, 1)
		assert.Equal(t, uv.EOF, first[0].Status)
		assert.False(t, server.IsActive())
		require.NoError(t, server.ReadStart(&again))
		again.wait(t, l, 1)
		assert.Equal(t, uv.EOF, again[0].Status)
		require.NoError(t, server.ReadStop())
		assert.Len(t, first, 1)
		closeStreams(t, server)
	})
}

func TestAStreamIsReadableAtItsEnd(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		k.halfCloses(t)
		client, server := k.pair(t, l)
		var reads events
		require.NoError(t, client.ReadStart(&reads))
		require.NoError(t, server.Shutdown(ignore))
		reads.wait(t, l, 1)
		assert.Equal(t, uv.EOF, reads[0].Status)
		assert.True(t, client.IsWritable(), "its end is only that of what it reads")
		closeStreams(t, client, server)
	})
}

func TestASecondReadStartChangesTheCompleter(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		var first, second events
		require.NoError(t, server.ReadStart(&first))
		require.NoError(t, client.Send([]byte("a"), false, ignore))
		first.wait(t, l, 1)
		require.NoError(t, server.ReadStart(&second))
		require.NoError(t, client.Send([]byte("b"), false, ignore))
		second.wait(t, l, 1)
		assert.Equal(t, "b", string(second[0].Data))
		assert.Len(t, first, 1)
		closeStreams(t, client, server)
	})
}

func TestNothingIsReadBetweenReadStopAndReadStart(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		var reads events
		require.NoError(t, server.ReadStop(), "it was not read")
		require.NoError(t, server.ReadStart(&reads))
		require.NoError(t, server.ReadStop())
		require.NoError(t, client.Send([]byte("wait"), false, ignore))
		turnsOf(t, l, 10*time.Millisecond)
		assert.Empty(t, reads)
		assert.False(t, server.IsActive())
		require.NoError(t, server.ReadStart(&reads))
		assert.True(t, server.IsActive())
		reads.wait(t, l, 1)
		assert.Equal(t, "wait", string(reads[0].Data))
		closeStreams(t, client, server)
	})
}

// The reader stops and starts at every event.
func TestReadStopAndReadStartLoseNothing(t *testing.T) {
	const size = 2 << 20
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		b := l.Buffer(size)
		defer b.Free()
		for i := range b.Bytes() {
			b.Bytes()[i] = byte(i * 31 >> 3)
		}
		got := 0
		var read uv.CompleterFunc
		read = func(ev uv.Event) {
			assert.Zero(t, ev.Status)
			assert.Equal(t, b.Bytes()[got:got+len(ev.Data)], ev.Data)
			got += len(ev.Data)
			assert.NoError(t, server.ReadStop())
			assert.NoError(t, server.ReadStart(read))
		}
		require.NoError(t, server.ReadStart(read))
		var writes events
		require.NoError(t, client.Write(b, size, &writes))
		for got < size {
			_, err := l.Turn(uv.RunOnce)
			require.NoError(t, err)
		}
		writes.wait(t, l, 1)
		closeStreams(t, client, server)
	})
}

func TestAStreamThatIsNotConnectedCannotBeRead(t *testing.T) {
	l := newLoop(t)
	tcp, err := uv.NewTCP(l)
	require.NoError(t, err)
	pipe, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	for _, s := range []*uv.Stream{&tcp.Stream, &pipe.Stream} {
		var reads events
		require.NoError(t, s.ReadStart(&reads))
		reads.wait(t, l, 1)
		assert.Equal(t, uv.ENOTCONN, reads[0].Status)
		assert.False(t, s.IsReadable() || s.IsWritable() || s.IsActive())
		closeStreams(t, s)
	}
}

// Who reads may close, the stream it reads too.
func TestCloseInTheCompleterOfARead(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		reads := 0
		require.NoError(t, server.ReadStart(uv.CompleterFunc(func(ev uv.Event) {
			reads++
			assert.NoError(t, server.Close(nil))
			assert.ErrorIs(t, server.ReadStop(), uv.ErrClosed)
		})))
		require.NoError(t, client.Send([]byte(strings.Repeat("x", 1<<20)), false, ignore))
		for reads == 0 {
			_, err := l.Turn(uv.RunOnce)
			require.NoError(t, err)
		}
		require.NoError(t, client.Close(nil))
		require.NoError(t, l.Run(uv.RunDefault))
		assert.Equal(t, 1, reads, "nothing is heard of a closed stream")
	})
}

// A peer that is silent for a while is closed by a timer.
func TestCloseWhileNothingComes(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		var reads, closes, fired, ends events
		require.NoError(t, server.ReadStart(&reads))
		require.NoError(t, client.ReadStart(&ends))
		timer, err := uv.NewTimer(l)
		require.NoError(t, err)
		require.NoError(t, timer.Start(5*time.Millisecond, 0, &fired))
		fired.wait(t, l, 1)
		require.NoError(t, timer.Close(nil))
		require.NoError(t, server.Close(&closes))
		closes.wait(t, l, 1)
		ends.wait(t, l, 1)
		assert.Empty(t, reads)
		assert.Equal(t, uv.EOF, ends[0].Status)
		closeStreams(t, client)
	})
}
