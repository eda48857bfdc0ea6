// SPDX-License-Identifier: MIT

package uv_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	"github.com/weft-go/weft/uv"
)

// collect reads all that comes into a buffer.
func collect(t *testing.T, s *uv.Stream) *bytes.Buffer {
	t.Helper()
	var all bytes.Buffer
	require.NoError(t, s.ReadStart(uv.CompleterFunc(func(ev uv.Event) { all.Write(ev.Data) })))
	return &all
}

// until turns the loop until done says so.
func until(t *testing.T, l *uv.Loop, done func() bool) {
	t.Helper()
	for !done() {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
}

func TestWritesOfAllKindsKeepTheirOrder(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		all := collect(t, server)
		var want strings.Builder
		var seen order
		var names []string
		for i := range 20 {
			text := strings.Repeat(fmt.Sprintf("%d,", i), 5000)
			b, n := buffer(l, text)
			defer b.Free()
			want.WriteString(text)
			names = append(names, fmt.Sprintf("%d", i))
			c := seen.note(names[i])
			switch i % 4 {
			case 0:
				require.NoError(t, client.Write(b, n, c))
			case 1:
				require.NoError(t, client.WriteV([]uv.Part{{Buffer: b, N: n}}, c))
			case 2:
				half := n / 2
				b2, n2 := buffer(l, text[half:])
				defer b2.Free()
				require.NoError(t, client.WriteV([]uv.Part{{Buffer: b, N: half}, {Buffer: b2, N: n2}}, c))
			default:
				require.NoError(t, client.Send([]byte(text), false, ignore))
				names[i] = ""
			}
		}
		until(t, l, func() bool { return all.Len() >= want.Len() && len(seen) == 15 })
		assert.Equal(t, want.String(), all.String())
		assert.Equal(t, strings.Fields(strings.Join(names, " ")), []string(seen))
		closeStreams(t, client, server)
	})
}

func TestAWriteOfManyParts(t *testing.T) {
	const parts = 100 // more than the array on C's stack holds
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		all := collect(t, server)
		b := l.Buffer(parts)
		defer b.Free()
		var ps []uv.Part
		for range parts {
			ps = append(ps, uv.Part{Buffer: b, N: parts})
		}
		for i := range b.Bytes() {
			b.Bytes()[i] = byte(i)
		}
		var writes events
		require.NoError(t, client.WriteV(ps, &writes))
		until(t, l, func() bool { return all.Len() == parts*parts && len(writes) == 1 })
		assert.EqualValues(t, parts*parts, writes[0].Value)
		assert.Equal(t, bytes.Repeat(b.Bytes()[:parts], parts), all.Bytes())
		closeStreams(t, client, server)
	})
}

func TestWritesOfNothingOrTooMuchAreRefused(t *testing.T) {
	l := newLoop(t)
	client, server := kinds[0].pair(t, l)
	b, n := buffer(l, "x")
	defer b.Free()
	assert.Equal(t, uv.EINVAL, client.WriteV(nil, ignore))
	assert.Equal(t, uv.EINVAL, client.WriteV([]uv.Part{{Buffer: b, N: n}, {Buffer: b}}, ignore))
	assert.Equal(t, uv.EINVAL, client.WriteV([]uv.Part{{Buffer: b, N: 1 << 20}}, ignore))
	assert.Equal(t, uv.EINVAL, client.Write(b, 0, ignore))
	assert.Equal(t, uv.EINVAL, client.Write(b, -1, ignore))
	n, err := client.TryWriteV(nil, []byte{})
	assert.Zero(t, n)
	assert.NoError(t, err)
	assert.Equal(t, 2, l.Stats().Handles-1, "and the listener's end is under way")
	closeStreams(t, client, server)
}

// What is written while the connection is under way leaves when it is there.
func TestWriteBehindConnect(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		var conns, writes events
		var seen order
		ln := k.listen(t, l, &conns)
		client, err := ln.dial(seen.note("connect"))
		require.NoError(t, err)
		b, n := buffer(l, "early")
		defer b.Free()
		if err := client.WriteV([]uv.Part{{Buffer: b, N: n}}, &writes); err != nil { // Windows wants to be connected
			assert.Equal(t, uv.EPIPE, err)
			seen.wait(t, l, 1)
			require.NoError(t, client.Write(b, n, &writes))
		}
		require.NoError(t, client.Send([]byte(" bird"), false, ignore))
		conns.wait(t, l, 1)
		server, err := ln.accept()
		require.NoError(t, err)
		all := collect(t, server)
		until(t, l, func() bool { return len(writes) == 1 && len(seen) == 1 && all.Len() >= n })
		assert.Zero(t, writes[0].Status)
		assert.Equal(t, order{"connect"}, seen)
		if runtimeIsUnix {
			until(t, l, func() bool { return all.Len() >= len("early bird") })
			assert.Equal(t, "early bird", all.String())
		}
		closeStreams(t, client, server, ln.Stream)
	})
}

func TestAWriteBehindAConnectThatFailsIsCanceled(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		var connects, writes events
		ln := k.listen(t, l, ignore)
		require.NoError(t, ln.Close(nil))
		require.NoError(t, l.Run(uv.RunDefault))
		client, err := ln.dial(&connects)
		require.NoError(t, err)
		b, n := buffer(l, "x")
		defer b.Free()
		require.NoError(t, client.Write(b, n, &writes))
		connects.wait(t, l, 1)
		writes.wait(t, l, 1)
		assert.NotZero(t, connects[0].Status)
		assert.Negative(t, int(writes[0].Status))
		if runtimeIsUnix && k.name != "pipe" { // the pipe's failure is there before the write
			assert.Equal(t, uv.ECANCELED, writes[0].Status)
		}
		closeStreams(t, client)
	})
}

func TestAStreamThatIsNotConnectedCannotBeWritten(t *testing.T) {
	l := newLoop(t)
	tcp, err := uv.NewTCP(l)
	require.NoError(t, err)
	pipe, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	for _, s := range []*uv.Stream{&tcp.Stream, &pipe.Stream} {
		var writes events
		b, n := buffer(l, "x")
		defer b.Free()
		require.NoError(t, s.Write(b, n, &writes))
		require.NoError(t, s.Send([]byte("x"), false, &writes))
		writes.wait(t, l, 2)
		for _, ev := range writes {
			assert.Contains(t, []uv.Errno{uv.EBADF, uv.EPIPE}, ev.Status)
		}
		assert.Error(t, s.WriteV([]uv.Part{{Buffer: b, N: n}}, &writes))
		_, err := s.TryWrite([]byte("x"))
		assert.Error(t, err)
		_, err = s.TryWriteV([]byte("x"))
		assert.Error(t, err)
		assert.Zero(t, s.WriteQueueSize())
		closeStreams(t, s)
	}
}

// A listener can be neither read nor written.
func TestAListenerCannotBeWritten(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		ln := k.listen(t, l, ignore)
		var writes events
		b, n := buffer(l, "x")
		defer b.Free()
		require.NoError(t, ln.Write(b, n, &writes))
		writes.wait(t, l, 1)
		assert.Contains(t, []uv.Errno{uv.EPIPE, uv.EBADF}, writes[0].Status)
		assert.False(t, ln.IsReadable() || ln.IsWritable())
		assert.Equal(t, uv.EINVAL, ln.ReadStart(ignore))
		closeStreams(t, ln.Stream)
	})
}

func TestTryWriteWritesWhatGoesAtOnce(t *testing.T) {
	l := newLoop(t)
	client, server := kinds[0].pair(t, l)
	all := collect(t, server)
	n, err := client.TryWriteV([]byte("one "), nil, []byte("two "), []byte("three"))
	require.NoError(t, err)
	assert.Equal(t, 13, n)
	require.NoError(t, client.Send([]byte(" four"), false, ignore))
	_, err = client.TryWriteV([]byte("five"))
	assert.Equal(t, uv.EAGAIN, err, "it would overtake")
	until(t, l, func() bool { return all.Len() == 18 })
	assert.Equal(t, "one two three four", all.String())
	// More than is tried at once, until nothing goes any more.
	chunk := make([]byte, 3<<20)
	written := 18
	for {
		n, err := client.TryWriteV(chunk, chunk)
		if err != nil {
			assert.Equal(t, uv.EAGAIN, err)
			break
		}
		assert.LessOrEqual(t, n, 1<<20)
		written += n
	}
	assert.Zero(t, client.WriteQueueSize())
	until(t, l, func() bool { return all.Len() == written })
	closeStreams(t, client, server)
}

func TestWritesToAPeerThatIsGoneFail(t *testing.T) {
	eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
		client, server := k.pair(t, l)
		var closes events
		require.NoError(t, server.Close(&closes))
		closes.wait(t, l, 1)
		b, n := buffer(l, "x")
		defer b.Free()
		for { // the system learns of it from the first
			var writes events
			require.NoError(t, client.Write(b, n, &writes))
			writes.wait(t, l, 1)
			if writes[0].Status != 0 {
				assert.Contains(t, []uv.Errno{uv.EPIPE, uv.ECONNRESET, uv.EOF}, writes[0].Status)
				break
			}
		}
		_, err := client.TryWrite([]byte("x"))
		assert.Error(t, err)
		closeStreams(t, client)
	})
}

func TestCloseCancelsQueuedWritesInTheirOrder(t *testing.T) {
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
		require.NoError(t, client.Write(b, size, seen.note("0")))
		require.NoError(t, client.WriteV([]uv.Part{{Buffer: b, N: size}}, seen.note("1")))
		require.NoError(t, client.Write(b, 1, seen.note("2")))
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
		assert.Greater(t, client.WriteQueueSize(), size)
		_, err = client.TryWrite([]byte("x"))
		assert.Equal(t, uv.EAGAIN, err)
		require.NoError(t, client.Close(seen.note("close")))
		assert.Zero(t, client.WriteQueueSize())
		seen.wait(t, l, 4)
		assert.Equal(t, order{"0 ECANCELED", "1 ECANCELED", "2 ECANCELED", "close"}, seen)
		closeStreams(t, server)
	})
}

func TestABufferThatThereIsNoMemoryForHasNone(t *testing.T) {
	l := newLoop(t)
	before := l.Stats().Bytes
	b := l.Buffer(math.MaxInt)
	assert.Zero(t, b)
	assert.Empty(t, b.Bytes())
	assert.Equal(t, before, l.Stats().Bytes)
	client, err := uv.NewTCP(l)
	require.NoError(t, err)
	assert.Equal(t, uv.EINVAL, client.Write(b, 1, ignore))
	b.Free()
	require.NoError(t, client.Close(nil))
}
