// SPDX-License-Identifier: MIT

package uv_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// newLoop returns a loop, on a locked thread, that has to be empty at the end of the test.
func newLoop(t *testing.T) *uv.Loop {
	t.Helper()
	return uvtest.NewLoop(t)
}

// events collects what a Completer is told.
type events []uv.Event

func (e *events) Complete(ev uv.Event) {
	ev.Data = append([]byte(nil), ev.Data...)
	*e = append(*e, ev)
}

// wait turns the loop until n events have come.
func (e *events) wait(t *testing.T, l *uv.Loop, n int) {
	t.Helper()
	for len(*e) < n {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
}

var loopback = netip.MustParseAddrPort("127.0.0.1:0")

// connected returns both ends of a connection; the listener is closed.
func connected(t *testing.T, l *uv.Loop, addr netip.AddrPort) (client, server *uv.TCP) {
	t.Helper()
	ln, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, ln.Bind(addr, 0))
	var conns, connects events
	require.NoError(t, ln.Listen(16, &conns))
	assert.Equal(t, uv.EALREADY, ln.Listen(16, &conns))
	bound, err := ln.Sockname()
	require.NoError(t, err)
	client, err = uv.NewTCP(l)
	require.NoError(t, err)
	assert.Equal(t, uv.EALREADY, client.Init(l))
	require.NoError(t, client.Connect(bound, &connects))
	conns.wait(t, l, 1)
	connects.wait(t, l, 1)
	require.Zero(t, connects[0].Status)
	server = &uv.TCP{}
	require.NoError(t, ln.Accept(server))
	assert.Equal(t, uv.EAGAIN, ln.Accept(&uv.TCP{}))
	require.NoError(t, ln.Close(nil))
	return client, server
}

func buffer(l *uv.Loop, text string) (uv.Buffer, int) {
	b := l.Buffer(len(text))
	return b, copy(b.Bytes(), text)
}

func TestEchoBothWays(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
		l := newLoop(t)
		client, server := connected(t, l, netip.MustParseAddrPort(addr))
		require.NoError(t, client.NoDelay(true))
		peer, err := server.Peername()
		require.NoError(t, err)
		local, err := client.Sockname()
		require.NoError(t, err)
		assert.Equal(t, local, peer)
		for _, way := range [][2]*uv.TCP{{client, server}, {server, client}} {
			var reads, writes events
			b, n := buffer(l, "hello")
			require.NoError(t, way[1].ReadStart(&reads))
			require.NoError(t, way[0].Write(b, n, &writes))
			reads.wait(t, l, 1)
			writes.wait(t, l, 1)
			b.Free()
			assert.Equal(t, "hello", string(reads[0].Data))
			assert.Zero(t, writes[0].Status)
			var ends events
			require.NoError(t, way[0].Shutdown(&ends))
			ends.wait(t, l, 1)
			reads.wait(t, l, 2)
			assert.Equal(t, uv.EOF, reads[1].Status)
		}
		require.NoError(t, client.Close(nil))
		require.NoError(t, server.Close(nil))
	}
}

func TestKeepAlive(t *testing.T) {
	wine.Skip(t, "Wine 8 does not know SIO_KEEPALIVE_VALS: setting it fails")
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	require.NoError(t, client.KeepAlive(true, time.Minute))
	require.NoError(t, client.KeepAlive(false, 0))
	require.NoError(t, client.Close(nil))
	require.NoError(t, server.Close(nil))
}

func TestGoNetIsThePeer(t *testing.T) {
	l := newLoop(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	const size = 8 << 20
	received := make(chan int)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			received <- -1
			return
		}
		b, _ := io.ReadAll(c)
		received <- len(b)
	}()
	c, err := uv.NewTCP(l)
	require.NoError(t, err)
	var connects, writes events
	require.NoError(t, c.Connect(ln.Addr().(*net.TCPAddr).AddrPort(), &connects))
	connects.wait(t, l, 1)
	b := l.Buffer(size)
	require.NoError(t, c.Write(b, size, &writes))
	writes.wait(t, l, 1)
	assert.Zero(t, writes[0].Status)
	assert.EqualValues(t, size, writes[0].Value)
	b.Free()
	require.NoError(t, c.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, size, <-received)
}

func TestCloseCompletesWhatIsPending(t *testing.T) {
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	var writes, closes events
	b := l.Buffer(16 << 20)
	for range 3 {
		require.NoError(t, client.Write(b, 16<<20, &writes))
	}
	_, err := l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	assert.Positive(t, client.WriteQueueSize())
	assert.Equal(t, uv.EBUSY, l.Close())
	require.NoError(t, client.Close(&closes))
	closes.wait(t, l, 1)
	require.Len(t, writes, 3, "before the close")
	for _, ev := range writes {
		assert.Equal(t, uv.ECANCELED, ev.Status)
	}
	b.Free()
	require.NoError(t, server.CloseReset(nil))
}

func TestClosedHandlesSayErrClosed(t *testing.T) {
	l := newLoop(t)
	c, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, c.Close(nil))
	var none events
	b, n := buffer(l, "x")
	defer b.Free()
	_, terr := c.TryWrite([]byte("x"))
	_, serr := c.Sockname()
	_, perr := c.Peername()
	for i, err := range []error{
		c.Close(nil), c.Bind(loopback, 0), c.Connect(loopback, &none), c.Listen(1, &none), c.Accept(&uv.TCP{}), c.NoDelay(true),
		c.KeepAlive(true, 1), c.ReadStart(&none), c.ReadStop(), c.Write(b, n, &none), c.Shutdown(&none), c.CloseReset(nil), terr, serr, perr,
	} {
		assert.ErrorIs(t, err, net.ErrClosed, i)
	}
	assert.True(t, c.IsClosing())
	assert.False(t, c.IsActive() || c.IsReadable() || c.IsWritable() || c.HasRef())
	assert.Zero(t, c.WriteQueueSize())
}

func TestTimersFireStopAndRepeat(t *testing.T) {
	l := newLoop(t)
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	var fired events
	require.NoError(t, timer.Start(time.Millisecond, time.Millisecond, &fired))
	fired.wait(t, l, 3)
	require.NoError(t, timer.Stop())
	_, err = l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	n := len(fired)
	for range 3 {
		_, err = l.Turn(uv.RunNoWait)
		require.NoError(t, err)
	}
	assert.Len(t, fired, n)
	assert.False(t, timer.IsActive())
	require.NoError(t, timer.Start(time.Hour, 0, &fired))
	_, err = l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	assert.True(t, timer.IsActive() && timer.HasRef())
	timer.Unref()
	assert.False(t, l.Alive(), "an unreferenced timer keeps nothing alive")
	timer.Ref()
	assert.True(t, l.Alive())
	require.NoError(t, timer.Close(nil))
	assert.Equal(t, uv.ErrClosed, timer.Start(0, 0, &fired))
}

func TestAsyncWakesFromManyGoroutinesAlsoDuringClose(t *testing.T) {
	l := newLoop(t)
	var woken events
	a, err := uv.NewAsync(l, &woken)
	require.NoError(t, err)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for a.Send() == nil {
				runtime.Gosched()
			}
		})
	}
	woken.wait(t, l, 100)
	require.NoError(t, a.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	all.Wait()
	assert.Equal(t, uv.ErrClosed, a.Send())
}

func TestPanicOfACompleterLosesNoRecord(t *testing.T) {
	l := newLoop(t)
	var fired events
	for i := range 3 {
		timer, err := uv.NewTimer(l)
		require.NoError(t, err)
		require.NoError(t, timer.Start(0, 0, uv.CompleterFunc(func(ev uv.Event) {
			fired.Complete(ev)
			_ = timer.Close(nil)
			if i == 0 {
				panic("in a completer")
			}
		})))
	}
	assert.Panics(t, func() { fired.wait(t, l, 3) })
	assert.True(t, l.Pending())
	fired.wait(t, l, 3)
}

func TestNestedTurnIsAnError(t *testing.T) {
	l := newLoop(t)
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	var turn, end error
	require.NoError(t, timer.Start(0, 0, uv.CompleterFunc(func(uv.Event) {
		_, turn = l.Turn(uv.RunNoWait)
		end = l.Close()
		_ = timer.Close(nil)
	})))
	require.NoError(t, l.Run(uv.RunDefault))
	assert.ErrorContains(t, turn, "Completer")
	assert.Error(t, end)
}

func TestLookupAndCancel(t *testing.T) {
	l := newLoop(t)
	var found events
	req, err := uv.GetAddrInfo(l, "127.0.0.1", "80", uv.AddrInfoHints{Family: 4}, &found)
	require.NoError(t, err)
	found.wait(t, l, 1)
	assert.Equal(t, []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:80")}, req.Addrs())
	assert.Equal(t, uv.EBUSY, req.Cancel())
	_, err = uv.GetAddrInfo(l, "a\x00b", "", uv.AddrInfoHints{}, &found)
	assert.Equal(t, uv.EINVAL, err)
	for range 20 {
		req, err := uv.GetAddrInfo(l, "localhost", "", uv.AddrInfoHints{}, &found)
		require.NoError(t, err)
		_ = req.Cancel() // some run already
	}
	found.wait(t, l, 21)
}

func TestErrnoIsWhatStdCallsTheSame(t *testing.T) {
	for errno, same := range map[uv.Errno][]error{
		uv.ECONNREFUSED: {syscall.ECONNREFUSED, uv.ECONNREFUSED},
		uv.ENOENT:       {syscall.ENOENT, fs.ErrNotExist},
		uv.EACCES:       {fs.ErrPermission},
		uv.EEXIST:       {fs.ErrExist},
		uv.ENOSYS:       {errors.ErrUnsupported},
		uv.ECANCELED:    {context.Canceled, syscall.ECANCELED},
		uv.EAI_CANCELED: {context.Canceled},
		uv.EOF:          {io.EOF},
	} {
		for _, err := range same {
			assert.ErrorIs(t, errno, err)
		}
		assert.NotErrorIs(t, errno, io.ErrUnexpectedEOF)
	}
	assert.Equal(t, "ECONNREFUSED", uv.ECONNREFUSED.Name())
	assert.Equal(t, "connection refused", uv.ECONNREFUSED.Error())
	assert.Equal(t, "end of file", uv.EOF.Error())
	assert.Contains(t, uv.Errno(-9999).Error(), "Unknown system error")
	assert.True(t, uv.ETIMEDOUT.Timeout())
	assert.True(t, uv.EMFILE.Temporary())
	var sys syscall.Errno
	assert.True(t, errors.As(uv.EPIPE, &sys) && sys == syscall.EPIPE)
}

func TestForeignHandleMayCallGo(t *testing.T) {
	l := newLoop(t)
	called := 0
	uvtest.StartTimer(l.Pointer(), func() { called++ })
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, 1, called)
}

func TestThreadKnowsItsLoopAndDepth(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	id, _ := uv.CurrentThread()
	assert.Zero(t, id)
	uv.EnterThread(7)
	defer uv.LeaveThread()
	id, nested := uv.CurrentThread()
	assert.EqualValues(t, 7, id)
	assert.False(t, nested)
	uvtest.Call(func() {
		id, nested := uv.CurrentThread()
		assert.EqualValues(t, 7, id)
		assert.True(t, nested)
	})
	other := make(chan uint64)
	go func() {
		id, _ := uv.CurrentThread()
		other <- id
	}()
	assert.Zero(t, <-other)
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	var got int
	read := uv.CompleterFunc(func(ev uv.Event) { got += len(ev.Data) })
	require.NoError(t, server.ReadStart(read))
	b, n := buffer(l, "0123456789")
	defer b.Free()
	ignore := uv.CompleterFunc(func(uv.Event) {})
	round := func() {
		_ = client.Write(b, n, ignore)
		for want := got + n; got < want; {
			_, _ = l.Turn(uv.RunOnce)
		}
	}
	round()
	assert.Zero(t, testing.AllocsPerRun(100, round))
	require.NoError(t, client.Close(nil))
	require.NoError(t, server.Close(nil))
}
