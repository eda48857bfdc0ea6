// SPDX-License-Identifier: MIT

package uv_test

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

func TestAClosedLoopSaysErrClosed(t *testing.T) {
	l, err := uv.NewLoop()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	var none events
	_, turn := l.Turn(uv.RunNoWait)
	_, tcp := uv.NewTCP(l)
	_, timer := uv.NewTimer(l)
	_, async := uv.NewAsync(l, &none)
	_, lookup := uv.GetAddrInfo(l, "127.0.0.1", "", uv.AddrInfoHints{}, &none)
	for i, err := range []error{turn, tcp, timer, async, lookup, l.Run(uv.RunDefault), l.Run(uv.RunOnce)} {
		assert.ErrorIs(t, err, net.ErrClosed, i)
	}
	assert.False(t, l.Alive() || l.Pending())
	assert.Nil(t, l.Pointer())
	assert.NotPanics(t, func() {
		l.UpdateTime()
		_ = l.Now()
	})
	assert.Zero(t, l.Stats())
}

func TestALoopWithUndeliveredEventsDoesNotClose(t *testing.T) {
	l := newLoop(t)
	var closes events
	for range 2 {
		timer, err := uv.NewTimer(l)
		require.NoError(t, err)
		require.NoError(t, timer.Close(uv.CompleterFunc(func(ev uv.Event) {
			closes.Complete(ev)
			if len(closes) == 1 {
				panic("in a completer")
			}
		})))
	}
	assert.Panics(t, func() { closes.wait(t, l, 2) })
	assert.Equal(t, uv.EBUSY, l.Close())
	closes.wait(t, l, 2)
}

func TestAForeignHandleKeepsTheLoopFromClosing(t *testing.T) {
	l := newLoop(t)
	called := 0
	uvtest.StartTimer(l.Pointer(), func() { called++ })
	for range 2 {
		assert.Equal(t, uv.EBUSY, l.Close())
	}
	// The loop is as it was: news keeps it from sleeping still.
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	var fired events
	require.NoError(t, timer.Start(0, 0, &fired))
	fired.wait(t, l, 1)
	require.NoError(t, timer.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, 1, called)
}

// What a foreign callback asks of the loop, before the poll of the same turn, is news: that poll would wait for an hour.
func TestSubmissionsOfAForeignCallbackAreNotSleptOn(t *testing.T) {
	l := newLoop(t)
	var hour, closes events
	far, err := uv.NewTimer(l)
	require.NoError(t, err)
	require.NoError(t, far.Start(time.Hour, 0, &hour))
	end := uvtest.StartPrepare(l.Pointer(), func() { assert.NoError(t, far.Close(&closes)) })
	defer end()
	closes.wait(t, l, 1)
	assert.Empty(t, hour)
}

func TestAPanickingLookupLeaksNothing(t *testing.T) {
	l := newLoop(t)
	lookup := func(c uv.Completer) {
		_, err := uv.GetAddrInfo(l, "127.0.0.1", "", uv.AddrInfoHints{}, c)
		require.NoError(t, err)
	}
	var found events
	lookup(&found)
	found.wait(t, l, 1)
	before := l.Stats().Bytes
	lookup(uv.CompleterFunc(func(uv.Event) { panic("in a completer") }))
	assert.Panics(t, func() { _ = l.Run(uv.RunDefault) })
	assert.Equal(t, before, l.Stats().Bytes)
}

func TestTryWriteDoesNotOvertakeAWrite(t *testing.T) {
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	var reads, writes events
	require.NoError(t, server.ReadStart(&reads))
	b, n := buffer(l, "first ")
	defer b.Free()
	require.NoError(t, client.Write(b, n, &writes))
	_, err := client.TryWrite([]byte("second"))
	assert.Equal(t, uv.EAGAIN, err)
	writes.wait(t, l, 1)
	sent, err := client.TryWrite([]byte("second"))
	require.NoError(t, err)
	assert.Equal(t, 6, sent)
	var got string
	for len(got) < 12 {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
		got = ""
		for _, ev := range reads {
			got += string(ev.Data)
		}
	}
	assert.Equal(t, "first second", got)
	require.NoError(t, client.Close(nil))
	require.NoError(t, server.Close(nil))
}

// A completion that comes late finds nothing instead of the next user of its slot.
func TestStaleTokensLeadNowhere(t *testing.T) {
	l := newLoop(t)
	var late, next events
	var second *uv.Timer
	first, err := uv.NewTimer(l)
	require.NoError(t, err)
	killer, err := uv.NewTimer(l)
	require.NoError(t, err)
	// Both fire in one turn; the killer, in front, closes the first and gives its slot away.
	require.NoError(t, killer.Start(0, 0, uv.CompleterFunc(func(uv.Event) {
		assert.NoError(t, first.Close(nil))
		second, err = uv.NewTimer(l)
		assert.NoError(t, err)
		assert.NoError(t, second.Start(time.Hour, 0, &next))
	})))
	require.NoError(t, first.Start(0, 0, &late))
	for second == nil {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	require.NoError(t, second.Close(nil))
	require.NoError(t, killer.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Empty(t, late)
	assert.Empty(t, next)
}

func TestGoexitOfACompleterLeavesTheLoopUsable(t *testing.T) {
	ended := make(chan struct{})
	result := make(chan error, 1)
	go func() {
		defer close(ended)
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		l, err := uv.NewLoop()
		if err != nil {
			result <- err
			return
		}
		defer func() {
			_ = l.Run(uv.RunDefault)
			result <- l.Close()
		}()
		timer, err := uv.NewTimer(l)
		if err != nil {
			return
		}
		_ = timer.Start(0, 0, uv.CompleterFunc(func(uv.Event) {
			_ = timer.Close(nil)
			runtime.Goexit()
		}))
		_ = l.Run(uv.RunDefault)
	}()
	<-ended
	assert.NoError(t, <-result)
}

func TestASlowReaderOfGoNetGetsAll(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l := newLoop(t)
		ln, err := net.Listen("tcp", addr)
		require.NoError(t, err)
		const size, chunks = 1 << 20, 12
		start, sum := make(chan struct{}), make(chan int, 1)
		go func() {
			c, err := ln.Accept()
			if err != nil {
				sum <- -1
				return
			}
			<-start // until then nobody reads: the sockets fill up
			b, _ := io.ReadAll(c)
			bad := 0
			for i, v := range b {
				if v != byte(i/size) {
					bad++
				}
			}
			if bad > 0 {
				sum <- -bad
			} else {
				sum <- len(b)
			}
			_ = c.Close()
		}()
		c, err := uv.NewTCP(l)
		require.NoError(t, err)
		var connects, writes, ends, reads events
		require.NoError(t, c.Connect(ln.Addr().(*net.TCPAddr).AddrPort(), &connects))
		connects.wait(t, l, 1)
		bufs := make([]uv.Buffer, chunks)
		for i := range bufs {
			bufs[i] = l.Buffer(size)
			for j := range bufs[i].Bytes()[:size] {
				bufs[i].Bytes()[j] = byte(i)
			}
			require.NoError(t, c.Write(bufs[i], size, &writes))
		}
		require.NoError(t, c.Shutdown(&ends))
		require.NoError(t, c.ReadStart(&reads))
		_, err = l.Turn(uv.RunNoWait)
		require.NoError(t, err)
		assert.Positive(t, c.WriteQueueSize(), "a partial write")
		_, err = c.TryWrite([]byte("x"))
		assert.Error(t, err, "not in front of what is queued")
		close(start)
		reads.wait(t, l, 1)
		assert.Len(t, writes, chunks)
		assert.Len(t, ends, 1)
		assert.Equal(t, uv.EOF, reads[0].Status)
		assert.Equal(t, size*chunks, <-sum)
		for _, b := range bufs {
			b.Free()
		}
		require.NoError(t, c.Close(nil))
		require.NoError(t, ln.Close())
	}
}

func TestSendTellsOnlyWhatNeedsTelling(t *testing.T) {
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	var sends, reads events
	require.NoError(t, client.Send([]byte("quiet "), false, &sends))
	_, err := client.TryWrite([]byte("x"))
	assert.Equal(t, uv.EAGAIN, err, "not in front of the send")
	require.NoError(t, client.Send([]byte("loud"), true, &sends))
	sends.wait(t, l, 1)
	assert.Equal(t, int64(4), sends[0].Value)
	require.NoError(t, server.ReadStart(&reads))
	reads.wait(t, l, 1)
	assert.Equal(t, "quiet loud", string(reads[0].Data))

	require.NoError(t, server.ReadStop())
	sends = nil
	require.NoError(t, client.Send(make([]byte, 16<<20), false, &sends))
	sends.wait(t, l, 1)
	assert.True(t, sends[0].Queued)
	assert.Positive(t, sends[0].Value)
	require.NoError(t, server.ReadStart(&reads))
	sends.wait(t, l, 2)
	assert.Equal(t, sends[0].Value, sends[1].Value)
	assert.False(t, sends[1].Queued)

	require.NoError(t, client.Close(nil))
	assert.Equal(t, uv.ErrClosed, client.Send(nil, true, &sends))
	require.NoError(t, server.Close(nil))
}

func TestTurnIsOneTurn(t *testing.T) {
	l := newLoop(t)
	_, err := l.Turn(uv.RunDefault)
	assert.ErrorContains(t, err, "Run(RunDefault)")
}
