// SPDX-License-Identifier: MIT

package uv_test

import (
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// ipcPair returns both ends of a pipe that passes handles.
func ipcPair(t *testing.T, l *uv.Loop) (client, server *uv.Pipe) {
	t.Helper()
	name := pipeName(t)
	var conns, connects events
	ln, err := uv.NewPipe(l, true)
	require.NoError(t, err)
	require.NoError(t, ln.Bind(name))
	require.NoError(t, ln.Listen(1, &conns))
	client, err = uv.NewPipe(l, true)
	require.NoError(t, err)
	require.NoError(t, client.Connect(name, &connects))
	connects.wait(t, l, 1)
	conns.wait(t, l, 1)
	require.Zero(t, connects[0].Status)
	server = &uv.Pipe{}
	require.NoError(t, ln.Accept(server))
	require.NoError(t, ln.Close(nil))
	return client, server
}

// passed sends h over an IPC pipe, closes it, and has got be what comes out.
func passed(t *testing.T, l *uv.Loop, h, got uv.AnyHandle) {
	t.Helper()
	from, to := ipcPair(t, l)
	var reads, writes events
	require.NoError(t, to.ReadStart(&reads))
	b, n := buffer(l, "here it is")
	require.NoError(t, from.Write2(b, n, h, &writes))
	writes.wait(t, l, 1)
	b.Free()
	reads.wait(t, l, 1)
	assert.Zero(t, writes[0].Status)
	assert.EqualValues(t, n, writes[0].Value)
	assert.Equal(t, "here it is", string(reads[0].Data))
	require.NoError(t, h.(handle).Close(nil))
	assert.Equal(t, 1, to.PendingCount())
	want := uv.TypeTCP
	other := uv.AnyHandle(&uv.Pipe{})
	if _, ok := got.(*uv.Pipe); ok {
		want, other = uv.TypePipe, &uv.TCP{}
	}
	assert.Equal(t, want, to.PendingType())
	assert.Equal(t, uv.EINVAL, to.AcceptPending(other))
	require.NoError(t, to.AcceptPending(got))
	assert.Equal(t, uv.EAGAIN, to.AcceptPending(other))
	assert.Zero(t, to.PendingCount())
	assert.Equal(t, uv.TypeUnknown, to.PendingType())
	closeStreams(t, &from.Stream, &to.Stream)
}

// talks checks that what one end writes the other one reads.
func talks(t *testing.T, l *uv.Loop, from, to *uv.Stream) {
	t.Helper()
	var reads events
	require.NoError(t, to.ReadStart(&reads))
	require.NoError(t, from.Send([]byte("hello"), false, ignore))
	reads.wait(t, l, 1)
	assert.Equal(t, "hello", string(reads[0].Data))
	require.NoError(t, to.ReadStop())
}

func TestATCPListenerIsPassedAlong(t *testing.T) {
	for _, listening := range []bool{false, true} {
		t.Run("listening="+strconv.FormatBool(listening), func(t *testing.T) {
			l := newLoop(t)
			ln := bound(t, l, loopback)
			if listening {
				require.NoError(t, ln.Listen(8, ignore))
			}
			at, err := ln.Sockname()
			require.NoError(t, err)
			got := &uv.TCP{}
			passed(t, l, ln, got)
			var conns, connects events
			require.NoError(t, got.Listen(8, &conns))
			client, err := uv.NewTCP(l)
			require.NoError(t, err)
			require.NoError(t, client.Connect(at, &connects))
			conns.wait(t, l, 1)
			connects.wait(t, l, 1)
			assert.Zero(t, connects[0].Status)
			server := &uv.TCP{}
			require.NoError(t, got.Accept(server))
			talks(t, l, &client.Stream, &server.Stream)
			closeStreams(t, &got.Stream, &client.Stream, &server.Stream)
		})
	}
}

func TestATCPConnectionIsPassedAlong(t *testing.T) {
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	got := &uv.TCP{}
	passed(t, l, server, got)
	talks(t, l, &client.Stream, &got.Stream)
	talks(t, l, &got.Stream, &client.Stream)
	closeStreams(t, &client.Stream, &got.Stream)
}

func TestSeveralHandlesWaitInTheOrderThatTheyCameIn(t *testing.T) {
	const n = 5
	l := newLoop(t)
	from, to := ipcPair(t, l)
	var reads, writes events
	var counts []int
	require.NoError(t, to.ReadStart(uv.CompleterFunc(func(ev uv.Event) {
		reads.Complete(ev)
		counts = append(counts, to.PendingCount())
	})))
	var ports []uint16
	var sent []*uv.TCP
	for range n {
		ln := bound(t, l, loopback)
		at, err := ln.Sockname()
		require.NoError(t, err)
		ports = append(ports, at.Port())
		sent = append(sent, ln)
		b, size := buffer(l, "x")
		t.Cleanup(b.Free)
		require.NoError(t, from.Write2(b, size, ln, &writes))
	}
	writes.wait(t, l, n)
	for to.PendingCount() < n {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	if runtime.GOOS != "windows" { // the system keeps the bytes of each apart
		assert.Equal(t, []int{1, 2, 3, 4, 5}, counts, "each handle is there with the bytes that it came with")
	}
	require.NoError(t, to.ReadStop())
	var got []uint16
	for range n {
		ln := &uv.TCP{}
		require.NoError(t, to.AcceptPending(ln))
		at, err := ln.Sockname()
		require.NoError(t, err)
		got = append(got, at.Port())
		require.NoError(t, ln.Close(nil))
	}
	assert.Equal(t, ports, got)
	for _, ln := range sent {
		require.NoError(t, ln.Close(nil))
	}
	// libuv polls for a reader after uv_accept, also where nobody reads.
	require.NoError(t, from.Send([]byte("nobody reads this"), false, ignore))
	assert.Less(t, turnsOf(t, l, 20*time.Millisecond), 10)
	closeStreams(t, &from.Stream, &to.Stream)
}

// turnsOf returns how many turns, each of which blocks, the loop makes in a while.
func turnsOf(t *testing.T, l *uv.Loop, d time.Duration) (turns int) {
	t.Helper()
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	var fired events
	require.NoError(t, timer.Start(d, 0, &fired))
	for ; len(fired) == 0; turns++ {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	require.NoError(t, timer.Close(nil))
	return turns
}

// newLoop looks for file descriptors that are left.
func TestHandlesThatNobodyTakesAreClosedWithTheirPipe(t *testing.T) {
	for _, heard := range []bool{false, true} {
		t.Run("heard="+strconv.FormatBool(heard), func(t *testing.T) {
			l := newLoop(t)
			from, to := ipcPair(t, l)
			var writes events
			seen := 0
			require.NoError(t, to.ReadStart(uv.CompleterFunc(func(uv.Event) {
				if seen++; seen == 1 && !heard { // the others' records may be there already
					assert.NoError(t, to.Close(nil))
				}
			})))
			ln := bound(t, l, loopback)
			b, n := buffer(l, "x")
			defer b.Free()
			for range 3 {
				require.NoError(t, from.Write2(b, n, ln, &writes))
			}
			writes.wait(t, l, 3)
			for seen == 0 || (heard && to.PendingCount() < 3) {
				_, err := l.Turn(uv.RunOnce)
				require.NoError(t, err)
			}
			if heard {
				require.NoError(t, to.Close(nil))
			}
			closeStreams(t, &from.Stream, &ln.Stream)
		})
	}
}

func TestHandlesThatCannotBePassed(t *testing.T) {
	l := newLoop(t)
	from, to := ipcPair(t, l)
	plain, server := kinds[2].pair(t, l)
	ln := bound(t, l, loopback)
	unopened, err := uv.NewTCP(l)
	require.NoError(t, err)
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	gone, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, gone.Close(nil))
	notIPC, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	b, n := buffer(l, "x")
	defer b.Free()
	for name, c := range map[string]struct {
		pipe *uv.Pipe
		n    int
		send uv.AnyHandle
		want error
	}{
		"no bytes":          {from, 0, ln, uv.EINVAL},
		"no socket":         {from, n, unopened, uv.EBADF},
		"a timer":           {from, n, timer, uv.EINVAL},
		"closed":            {from, n, gone, uv.ErrClosed},
		"not for handles":   {notIPC, n, ln, uv.EINVAL},
		"another zero pipe": {&uv.Pipe{}, n, ln, uv.ErrClosed},
	} {
		assert.Equal(t, c.want, c.pipe.Write2(b, c.n, c.send, ignore), name)
		_, err := c.pipe.TryWrite2(b.Bytes()[:c.n], c.send)
		assert.Equal(t, c.want, err, name)
	}
	assert.Zero(t, l.Stats().Requests)
	require.NoError(t, timer.Close(nil))
	closeStreams(t, &from.Stream, &to.Stream, plain, server, &ln.Stream, &unopened.Stream, &notIPC.Stream)
}

// What goes both ways at once over pipes that pass handles does not wait for each other.
func TestHeavyTrafficBothWaysOverAnIPCPipe(t *testing.T) {
	const chunk, chunks = 64 << 10, 32
	l := newLoop(t)
	ends := [2]*uv.Pipe{}
	ends[0], ends[1] = ipcPair(t, l)
	b := l.Buffer(chunk)
	defer b.Free()
	clear(b.Bytes())
	var got [2]int
	var writes events
	for i, end := range ends {
		require.NoError(t, end.ReadStart(uv.CompleterFunc(func(ev uv.Event) { got[i] += len(ev.Data) })))
		for range chunks {
			require.NoError(t, end.Write(b, chunk, &writes))
		}
	}
	for got != [2]int{chunk * chunks, chunk * chunks} || len(writes) < 2*chunks {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	closeStreams(t, &ends[0].Stream, &ends[1].Stream)
}
