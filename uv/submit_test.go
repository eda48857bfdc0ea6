// SPDX-License-Identifier: MIT

package uv_test

import (
	"bytes"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	"github.com/weft-go/weft/uv"
)

// chain writes again and again, each time when the write before has left.
type chain struct {
	t    *testing.T
	conn *uv.TCP
	b    uv.Buffer
	left int
}

func (c *chain) Complete(ev uv.Event) {
	require.Zero(c.t, ev.Status)
	if c.left--; c.left > 0 {
		require.NoError(c.t, c.conn.Write(c.b, 1, c))
	}
}

func TestWritesInARowShareATurnAndDoNotKeepIt(t *testing.T) {
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	b, _ := buffer(l, "x")
	c := &chain{t, client, b, 20}
	require.NoError(t, client.Write(b, 1, c))
	for _, told := range []int{9, 9, 2} { // the first one, and eight rounds
		n, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
		assert.Equal(t, told, n)
	}
	assert.Zero(t, c.left)

	// What was told between two polls is no news to the next one.
	var fires events
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	require.NoError(t, timer.Start(20*time.Millisecond, 0, &fires))
	turns := 0
	for ; len(fires) == 0; turns++ {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	assert.LessOrEqual(t, turns, 2, "a poll may end a little before the timer is due, but it waits")
	b.Free()
	require.NoError(t, timer.Close(nil))
	require.NoError(t, client.Close(nil))
	require.NoError(t, server.Close(nil))
}

func TestALoopThatReadsTooLittleDoesNotWriteMore(t *testing.T) {
	wine.Skip(t, "Wine 8 reads less in a turn")
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	var writes events
	b := l.Buffer(8 << 20)
	require.NoError(t, client.Write(b, 8<<20, &writes))
	_, err := l.Turn(uv.RunNoWait) // the system's buffers are full
	require.NoError(t, err)

	read, most := 0, 0
	require.NoError(t, server.ReadStart(uv.CompleterFunc(func(ev uv.Event) { read += len(ev.Data) })))
	writer, other := connected(t, l, loopback)
	c := &chain{t, writer, b, 1 << 30}
	require.NoError(t, writer.Write(b, 1, c))
	for tries := 0; ; {
		if len(writes) > tries { // a system may hand over less at a time, at first
			if tries++; most > 0 || tries == 20 {
				break
			}
			require.NoError(t, client.Write(b, 8<<20, &writes))
		}
		read = 0
		left := c.left
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
		if read >= 64<<10 { // less may have been all there was
			assert.Equal(t, 1, left-c.left, "a turn that has read %d bytes", read)
			most = read
		}
	}
	assert.NotZero(t, most, "no turn was full")
	for c.left = 1; c.left > 0; {
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
	}
	b.Free()
	for _, h := range []*uv.TCP{client, server, writer, other} {
		require.NoError(t, h.Close(nil))
	}
}

func TestSubmissionsBeforeATurnAreManyAndInOrder(t *testing.T) {
	const n = 5000
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	var reads, sends events
	require.NoError(t, server.ReadStart(&reads))
	var want []byte
	for i := range n {
		number := binary.BigEndian.AppendUint32(nil, uint32(i))
		want = append(want, number...)
		require.NoError(t, client.Send(number, false, &sends))
	}
	require.NoError(t, client.Send(nil, true, &sends))
	require.NoError(t, client.Shutdown(&sends))
	sends.wait(t, l, 2)
	var got []byte
	for i := 0; ; i++ {
		reads.wait(t, l, i+1)
		if reads[i].Status != 0 {
			assert.Equal(t, uv.EOF, reads[i].Status)
			break
		}
		got = append(got, reads[i].Data...)
	}
	assert.True(t, bytes.Equal(want, got))
	require.NoError(t, client.Close(nil))
	require.NoError(t, server.Close(nil))
}

func TestWhatHappensBeforeATurnIsDeliveredByIt(t *testing.T) {
	const n = 1000
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	var sends events
	for range n {
		require.NoError(t, client.Send(nil, true, &sends))
	}
	assert.Equal(t, uv.EBUSY, l.Close(), "some have been made already")
	for len(sends) < n {
		_, err := l.Turn(uv.RunOnce) // does not block
		require.NoError(t, err)
	}
	require.NoError(t, client.Close(nil))
	require.NoError(t, server.Close(nil))
}

func TestTokensOfManyRequestsLeadToTheirOwn(t *testing.T) {
	const n = 2000 // more than one chunk of slots
	l := newLoop(t)
	var told [n]int
	for round := range 3 {
		for i := range n {
			timer, err := uv.NewTimer(l)
			require.NoError(t, err)
			require.NoError(t, timer.Close(uv.CompleterFunc(func(uv.Event) { told[i]++ })))
		}
		assert.Equal(t, n, l.Stats().Tokens)
		require.NoError(t, l.Run(uv.RunDefault))
		for i := range n {
			require.Equal(t, round+1, told[i])
		}
	}
	assert.Zero(t, l.Stats().Tokens)
}
