// SPDX-License-Identifier: MIT

package uv_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	"github.com/weft-go/weft/uv"
)

func newPipe(t *testing.T, l *uv.Loop) *uv.Pipe {
	t.Helper()
	p, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	return p
}

func TestAPipeIsMadeOnce(t *testing.T) {
	l := newLoop(t)
	p := newPipe(t, l)
	assert.Equal(t, uv.EALREADY, p.Init(l, false))
	require.NoError(t, p.Close(nil))
}

func TestNamesOfPipesThatCannotBe(t *testing.T) {
	l := newLoop(t)
	long := strings.Repeat("x", 108)
	for name, want := range map[string]uv.Errno{
		"":                        uv.EINVAL,
		"a\x00b":                  uv.EINVAL,
		strings.Repeat("x", 1024): uv.ENAMETOOLONG,
		strings.Repeat("x", 4096): uv.ENAMETOOLONG,
	} {
		p := newPipe(t, l)
		assert.Equal(t, want, p.Bind(name))
		assert.Equal(t, want, p.Connect(name, ignore))
		closeStreams(t, &p.Stream)
	}
	if runtimeIsUnix { // libuv would bind the first 107 bytes
		p := newPipe(t, l)
		assert.Equal(t, uv.ENAMETOOLONG, p.Bind(long))
		assert.Equal(t, uv.ENAMETOOLONG, p.Connect(long, ignore))
		closeStreams(t, &p.Stream)
	}
	assert.Zero(t, l.Stats().Requests)
	assert.Zero(t, l.Stats().Tokens)
}

func TestANameInUseIsRefused(t *testing.T) {
	wine.Skip(t, "Wine 8 lets several have a name")
	l := newLoop(t)
	name := pipeName(t)
	first, second := newPipe(t, l), newPipe(t, l)
	require.NoError(t, first.Bind(name))
	err := second.Bind(name)
	if err == nil {
		err = second.Listen(1, ignore)
	}
	assert.Equal(t, uv.EADDRINUSE, err)
	require.NoError(t, first.Listen(1, ignore))
	closeStreams(t, &first.Stream, &second.Stream)
}

func TestAPipeIsBoundOnce(t *testing.T) {
	l := newLoop(t)
	p := newPipe(t, l)
	assert.Error(t, p.Listen(1, ignore), "it is not bound")
	require.NoError(t, p.Bind(pipeName(t)))
	assert.Equal(t, uv.EINVAL, p.Bind(pipeName(t)))
	closeStreams(t, &p.Stream)
}

func TestConnectToNamesThatNobodyListensTo(t *testing.T) {
	l := newLoop(t)
	p := newPipe(t, l)
	var connects events
	require.NoError(t, p.Connect(pipeName(t), &connects))
	connects.wait(t, l, 1)
	assert.Equal(t, uv.ENOENT, connects[0].Status)
	require.NoError(t, p.Connect(pipeName(t), &connects), "it may try again")
	connects.wait(t, l, 2)
	if runtimeIsUnix { // libuv for Windows takes it for busy
		assert.Equal(t, uv.ENOENT, connects[1].Status)
	}
	closeStreams(t, &p.Stream)
}

func TestNamesOfBothEnds(t *testing.T) {
	l := newLoop(t)
	name := pipeName(t)
	ln, client, server := newPipe(t, l), newPipe(t, l), &uv.Pipe{}
	_, err := ln.Sockname()
	assert.Error(t, err, "it has no socket")
	_, err = ln.Peername()
	assert.Error(t, err)
	require.NoError(t, ln.Bind(name))
	got, err := ln.Sockname()
	require.NoError(t, err)
	assert.Equal(t, name, got)
	_, err = ln.Peername()
	assert.Error(t, err)
	var conns, connects events
	require.NoError(t, ln.Listen(1, &conns))
	require.NoError(t, client.Connect(name, &connects))
	conns.wait(t, l, 1)
	connects.wait(t, l, 1)
	require.NoError(t, ln.Accept(server))
	peer, err := client.Peername()
	require.NoError(t, err)
	assert.Equal(t, name, peer)
	if runtimeIsUnix {
		own, err := client.Sockname()
		require.NoError(t, err)
		assert.Empty(t, own)
		own, err = server.Sockname()
		require.NoError(t, err)
		assert.Equal(t, name, own)
		peer, err = server.Peername()
		require.NoError(t, err)
		assert.Empty(t, peer)
	}
	closeStreams(t, &ln.Stream, &client.Stream, &server.Stream)
}

func TestPendingInstances(t *testing.T) {
	l := newLoop(t)
	p := newPipe(t, l)
	assert.Equal(t, uv.EINVAL, p.PendingInstances(0))
	require.NoError(t, p.PendingInstances(8))
	require.NoError(t, p.Bind(pipeName(t)))
	require.NoError(t, p.Listen(8, ignore))
	require.NoError(t, p.PendingInstances(16))
	closeStreams(t, &p.Stream)
}

func TestNothingIsPendingOnAPipeThatPassesNoHandles(t *testing.T) {
	l := newLoop(t)
	p := newPipe(t, l)
	assert.Zero(t, p.PendingCount())
	assert.Equal(t, uv.TypeUnknown, p.PendingType())
	assert.Equal(t, uv.EAGAIN, p.AcceptPending(&uv.TCP{}))
	assert.Equal(t, uv.EAGAIN, p.Accept(&uv.Pipe{}))
	closeStreams(t, &p.Stream)
}

// A pipe that was made for handles listens; its connections are for handles too.
func TestAListenerForHandles(t *testing.T) {
	l := newLoop(t)
	p, err := uv.NewPipe(l, true)
	require.NoError(t, err)
	assert.Error(t, p.Listen(1, ignore), "it is not bound")
	require.NoError(t, p.Bind(pipeName(t)))
	require.NoError(t, p.Listen(1, ignore))
	assert.Equal(t, uv.EINVAL, p.ReadStart(ignore))
	assert.Zero(t, p.PendingCount())
	closeStreams(t, &p.Stream)
	from, to := ipcPair(t, l)
	ln := bound(t, l, loopback)
	b, n := buffer(l, "x")
	defer b.Free()
	var reads, writes events
	require.NoError(t, from.ReadStart(&reads))
	require.NoError(t, to.Write2(b, n, ln, &writes), "the server's end passes them as well")
	reads.wait(t, l, 1)
	writes.wait(t, l, 1)
	assert.Equal(t, 1, from.PendingCount())
	closeStreams(t, &from.Stream, &to.Stream, &ln.Stream)
}

func TestPipePair(t *testing.T) {
	l := newLoop(t)
	flags := uv.PairFlags(0)
	if runtime.GOOS == "windows" {
		flags = uv.NonBlocking
	}
	rfd, wfd, err := uv.PipePair(flags, flags)
	require.NoError(t, err)
	r, w := newPipe(t, l), newPipe(t, l)
	require.NoError(t, r.Open(rfd))
	require.NoError(t, w.Open(wfd))
	assert.True(t, r.IsReadable() && w.IsWritable())
	assert.False(t, r.IsWritable() || w.IsReadable())
	talks(t, l, &w.Stream, &r.Stream)
	var reads, writes, ends events
	require.NoError(t, w.ReadStart(&reads))
	b, n := buffer(l, "x")
	defer b.Free()
	require.NoError(t, r.Write(b, n, &writes))
	reads.wait(t, l, 1)
	writes.wait(t, l, 1)
	assert.Equal(t, uv.ENOTCONN, reads[0].Status, "it is written only")
	assert.Equal(t, uv.EPIPE, writes[0].Status, "it is read only")
	require.NoError(t, r.ReadStart(&ends))
	require.NoError(t, w.Close(nil))
	ends.wait(t, l, 1)
	assert.Equal(t, uv.EOF, ends[0].Status)
	closeStreams(t, &r.Stream)
}
