// SPDX-License-Identifier: MIT

package uv_test

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	"github.com/weft-go/weft/uv"
)

var loopbacks = map[string]netip.AddrPort{"tcp4": loopback, "tcp6": netip.MustParseAddrPort("[::1]:0")}

// eachFamily runs f on a loop of its own for IPv4 and IPv6.
func eachFamily(t *testing.T, f func(t *testing.T, l *uv.Loop, any netip.AddrPort)) {
	for name, addr := range loopbacks {
		t.Run(name, func(t *testing.T) { f(t, newLoop(t), addr) })
	}
}

func newTCP(t *testing.T, l *uv.Loop) *uv.TCP {
	t.Helper()
	tcp, err := uv.NewTCP(l)
	require.NoError(t, err)
	return tcp
}

func TestAnAddressInUseShowsInListenOrConnect(t *testing.T) {
	eachFamily(t, func(t *testing.T, l *uv.Loop, any netip.AddrPort) {
		first := bound(t, l, any)
		require.NoError(t, first.Listen(8, ignore))
		taken, err := first.Sockname()
		require.NoError(t, err)
		second := newTCP(t, l)
		require.NoError(t, second.Bind(taken, 0))
		assert.Equal(t, uv.EADDRINUSE, second.Listen(8, ignore))
		third := newTCP(t, l)
		require.NoError(t, third.Bind(taken, 0))
		var connects events
		if err := third.Connect(taken, &connects); err == nil {
			connects.wait(t, l, 1)
			assert.Equal(t, uv.EADDRINUSE, connects[0].Status)
		} else {
			assert.Equal(t, uv.EADDRINUSE, err)
		}
		closeStreams(t, &first.Stream, &second.Stream, &third.Stream)
	})
}

func TestAddressesThatCannotBeBound(t *testing.T) {
	for name, c := range map[string]struct {
		addr  netip.AddrPort
		flags uv.TCPFlags
		want  []uv.Errno
	}{
		"not ours":       {netip.MustParseAddrPort("192.0.2.1:0"), 0, []uv.Errno{uv.EADDRNOTAVAIL}},
		"not ours, IPv6": {netip.MustParseAddrPort("[2001:db8::1]:0"), 0, []uv.Errno{uv.EADDRNOTAVAIL}},
		"none":           {netip.AddrPort{}, 0, []uv.Errno{uv.EINVAL}},
		"IPv6 only":      {loopback, uv.TCPIPv6Only, []uv.Errno{uv.EINVAL}},
		"unknown flags":  {loopback, 1 << 10, []uv.Errno{uv.EINVAL}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			tcp := newTCP(t, l)
			err := tcp.Bind(c.addr, c.flags)
			if err == nil { // Windows tells later
				err = tcp.Listen(1, ignore)
			}
			assert.Contains(t, c.want, err)
			closeStreams(t, &tcp.Stream)
		})
	}
}

func TestASocketIsBoundOnce(t *testing.T) {
	eachFamily(t, func(t *testing.T, l *uv.Loop, any netip.AddrPort) {
		tcp := bound(t, l, any)
		assert.Equal(t, uv.EINVAL, tcp.Bind(any, 0))
		at, err := tcp.Sockname()
		require.NoError(t, err)
		assert.Equal(t, any.Addr(), at.Addr())
		_, err = tcp.Peername()
		assert.Equal(t, uv.ENOTCONN, err)
		closeStreams(t, &tcp.Stream)
	})
}

func TestListenBindsWhatIsNotBound(t *testing.T) {
	l := newLoop(t)
	tcp := newTCP(t, l)
	_, err := tcp.Sockname()
	assert.Error(t, err)
	require.NoError(t, tcp.Listen(1, ignore))
	at, err := tcp.Sockname()
	require.NoError(t, err)
	assert.NotZero(t, at.Port())
	closeStreams(t, &tcp.Stream)
}

func TestIPv6OnlyLeavesIPv4ToOthers(t *testing.T) {
	l := newLoop(t)
	six := newTCP(t, l)
	require.NoError(t, six.Bind(netip.MustParseAddrPort("[::]:0"), uv.TCPIPv6Only))
	require.NoError(t, six.Listen(1, ignore))
	at, err := six.Sockname()
	require.NoError(t, err)
	var connects events
	client := newTCP(t, l)
	require.NoError(t, client.Connect(netip.AddrPortFrom(loopback.Addr(), at.Port()), &connects))
	connects.wait(t, l, 1)
	assert.Equal(t, uv.ECONNREFUSED, connects[0].Status)
	closeStreams(t, &six.Stream, &client.Stream)
}

func TestConnectToAllAddressesIsToThisMachine(t *testing.T) {
	l := newLoop(t)
	var conns, connects events
	ln := bound(t, l, loopback)
	require.NoError(t, ln.Listen(1, &conns))
	at, err := ln.Sockname()
	require.NoError(t, err)
	client := newTCP(t, l)
	require.NoError(t, client.Connect(netip.AddrPortFrom(netip.IPv4Unspecified(), at.Port()), &connects))
	connects.wait(t, l, 1)
	assert.Zero(t, connects[0].Status)
	conns.wait(t, l, 1)
	closeStreams(t, &ln.Stream, &client.Stream)
}

func TestConnectErrors(t *testing.T) {
	l := newLoop(t)
	tcp := newTCP(t, l)
	assert.Equal(t, uv.EINVAL, tcp.Connect(netip.AddrPort{}, ignore))
	err := tcp.Connect(netip.MustParseAddrPort("[fe80::1%no such interface]:1"), ignore)
	assert.ErrorIs(t, err, uv.EINVAL)
	assert.EqualError(t, err, `no network interface has the name "no such interface": invalid argument`)
	assert.Zero(t, l.Stats().Requests)
	assert.Zero(t, l.Stats().Tokens)
	four := bound(t, l, loopback)
	assert.Error(t, four.Connect(netip.MustParseAddrPort("[::1]:1"), ignore), "of another family")
	closeStreams(t, &tcp.Stream, &four.Stream)
}

// A link-local address without anybody behind it: whatever comes of it comes once.
func TestConnectToALinkLocalAddress(t *testing.T) {
	l := newLoop(t)
	tcp := newTCP(t, l)
	var connects events
	if err := tcp.Connect(netip.MustParseAddrPort("[fe80::bad:cafe%1]:9"), &connects); err != nil {
		connects = append(connects, uv.Event{})
	}
	turnsOf(t, l, time.Millisecond)
	closeStreams(t, &tcp.Stream)
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Len(t, connects, 1)
}

func TestTCPReusePortSharesAPort(t *testing.T) {
	l := newLoop(t)
	first := newTCP(t, l)
	err := first.Bind(loopback, uv.TCPReusePort)
	if err != nil {
		assert.ErrorIs(t, err, errors.ErrUnsupported)
		closeStreams(t, &first.Stream)
		t.Skip("libuv before 1.49, or a system that cannot")
	}
	require.NoError(t, first.Listen(8, ignore))
	at, err := first.Sockname()
	require.NoError(t, err)
	second := newTCP(t, l)
	require.NoError(t, second.Bind(at, uv.TCPReusePort))
	assert.NoError(t, second.Listen(8, ignore))
	closeStreams(t, &first.Stream, &second.Stream)
}

func TestInitExHasASocketFromTheStart(t *testing.T) {
	eachFamily(t, func(t *testing.T, l *uv.Loop, any netip.AddrPort) {
		family := map[bool]int{true: 4, false: 6}[any.Addr().Is4()]
		early := &uv.TCP{}
		require.NoError(t, early.InitEx(l, family))
		assert.Equal(t, uv.EALREADY, early.InitEx(l, family))
		_, err := early.Fileno()
		require.NoError(t, err)
		require.NoError(t, early.Bind(any, 0))
		var conns, connects events
		require.NoError(t, early.Listen(1, &conns))
		at, err := early.Sockname()
		require.NoError(t, err)
		assert.Equal(t, any.Addr(), at.Addr())
		client := &uv.TCP{}
		require.NoError(t, client.InitEx(l, family))
		require.NoError(t, client.Connect(at, &connects))
		connects.wait(t, l, 1)
		conns.wait(t, l, 1)
		server := &uv.TCP{}
		require.NoError(t, early.Accept(server))
		talks(t, l, &client.Stream, &server.Stream)
		closeStreams(t, &early.Stream, &client.Stream, &server.Stream)
	})
	l := newLoop(t)
	none, late, wrong := &uv.TCP{}, &uv.TCP{}, &uv.TCP{}
	for _, family := range []int{-1, 1, 5, 1 << 20} {
		assert.Equal(t, uv.EINVAL, none.InitEx(l, family))
	}
	require.NoError(t, late.InitEx(l, 0))
	_, err := late.Fileno()
	assert.Equal(t, uv.EBADF, err)
	require.NoError(t, wrong.InitEx(l, 4))
	assert.Error(t, wrong.Bind(netip.MustParseAddrPort("[::1]:0"), 0))
	closeStreams(t, &late.Stream, &wrong.Stream)
}

func TestOptionsOfTCPAlsoBeforeThereIsASocket(t *testing.T) {
	l := newLoop(t)
	tcp := newTCP(t, l)
	require.NoError(t, tcp.NoDelay(true))
	require.NoError(t, tcp.SimultaneousAccepts(false))
	if err := tcp.SimultaneousAccepts(true); err != nil {
		assert.Equal(t, uv.ENOTSUP, err, "Windows does not go back to it")
	}
	for _, d := range []time.Duration{-1, 0, 1, time.Second - 1, 1 << 62} {
		assert.Equal(t, uv.EINVAL, tcp.KeepAlive(true, d), d)
		assert.Equal(t, uv.EINVAL, tcp.KeepAliveEx(true, d, time.Second, 1), d)
		assert.Equal(t, uv.EINVAL, tcp.KeepAliveEx(true, time.Second, d, 1), d)
	}
	assert.Equal(t, uv.EINVAL, tcp.KeepAliveEx(true, time.Second, time.Second, 0))
	require.NoError(t, tcp.Bind(loopback, 0))
	if err := tcp.KeepAliveEx(true, time.Minute, 2*time.Second, 3); err != nil {
		assert.ErrorIs(t, err, errors.ErrUnsupported)
	}
	require.NoError(t, tcp.NoDelay(false))
	closeStreams(t, &tcp.Stream)
}

func TestListenWithAndWithoutSimultaneousAccepts(t *testing.T) {
	for _, on := range []bool{true, false} {
		l := newLoop(t)
		var conns events
		ln := dialed(t, l, 3, &conns)
		require.NoError(t, ln.SimultaneousAccepts(on))
		conns.wait(t, l, 3)
		closeStreams(t, &ln.Stream)
	}
}

// resetOf returns what a reader hears of an end.
func resetOf(t *testing.T, l *uv.Loop, s *uv.Stream) uv.Errno {
	t.Helper()
	var reads events
	require.NoError(t, s.ReadStart(&reads))
	until(t, l, func() bool { return len(reads) > 0 && reads[len(reads)-1].Status != 0 })
	return reads[len(reads)-1].Status
}

func TestCloseReset(t *testing.T) {
	wine.Skip(t, "Wine ends a connection before it resets it")
	for _, accepted := range []bool{false, true} {
		eachFamily(t, func(t *testing.T, l *uv.Loop, any netip.AddrPort) {
			ours, theirs := connected(t, l, any)
			if accepted {
				ours, theirs = theirs, ours
			}
			var closes events
			require.NoError(t, ours.CloseReset(&closes))
			assert.ErrorIs(t, ours.CloseReset(nil), uv.ErrClosed)
			closes.wait(t, l, 1)
			assert.Equal(t, uv.ECONNRESET, resetOf(t, l, &theirs.Stream))
			assert.False(t, theirs.IsReadable() || theirs.IsWritable())
			assert.Equal(t, uv.ECONNRESET, resetOf(t, l, &theirs.Stream), "again")
			closeStreams(t, &theirs.Stream)
		})
	}
}

func TestCloseResetAfterShutdownIsRefused(t *testing.T) {
	for _, accepted := range []bool{false, true} {
		eachFamily(t, func(t *testing.T, l *uv.Loop, any netip.AddrPort) {
			ours, theirs := connected(t, l, any)
			if accepted {
				ours, theirs = theirs, ours
			}
			var seen order
			require.NoError(t, ours.Shutdown(seen.note("shutdown")))
			assert.Equal(t, uv.EINVAL, ours.CloseReset(seen.note("reset")), "it is under way")
			seen.wait(t, l, 1)
			assert.Equal(t, uv.EINVAL, ours.CloseReset(seen.note("reset")), "it is done")
			assert.False(t, ours.IsClosing())
			require.NoError(t, ours.Close(seen.note("close")))
			seen.wait(t, l, 2)
			assert.Equal(t, order{"shutdown", "close"}, seen)
			assert.Equal(t, uv.EOF, resetOf(t, l, &theirs.Stream))
			closeStreams(t, &theirs.Stream)
		})
	}
}

func TestCloseResetOfWhatIsNotConnectedIsClose(t *testing.T) {
	l := newLoop(t)
	var closes events
	require.NoError(t, newTCP(t, l).CloseReset(&closes))
	require.NoError(t, bound(t, l, loopback).CloseReset(&closes))
	ln := bound(t, l, loopback)
	require.NoError(t, ln.Listen(1, ignore))
	require.NoError(t, ln.CloseReset(&closes))
	closes.wait(t, l, 3)
}

// A peer that writes to whom has stopped reading, and resets.
func TestAResetOfAStreamThatNobodyReads(t *testing.T) {
	wine.Skip(t, "Wine ends a connection before it resets it")
	l := newLoop(t)
	ours, theirs := connected(t, l, loopback)
	var closes events
	require.NoError(t, theirs.Send([]byte("unread"), false, ignore))
	require.NoError(t, theirs.CloseReset(&closes))
	closes.wait(t, l, 1)
	assert.Less(t, turnsOf(t, l, 5*time.Millisecond), 10, "it is not polled for")
	assert.Equal(t, uv.ECONNRESET, resetOf(t, l, &ours.Stream))
	closeStreams(t, &ours.Stream)
}

// Go's net is at the other end of a connection that is half open.
func TestWriteToAPeerThatHasEnded(t *testing.T) {
	l := newLoop(t)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	answer := make(chan string, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			answer <- err.Error()
			return
		}
		defer c.Close()
		_ = c.(*net.TCPConn).CloseWrite()
		b := make([]byte, 64)
		n, _ := c.Read(b)
		answer <- string(b[:n])
	}()
	tcp := newTCP(t, l)
	var connects, reads events
	require.NoError(t, tcp.Connect(ln.Addr().(*net.TCPAddr).AddrPort(), &connects))
	connects.wait(t, l, 1)
	require.NoError(t, tcp.ReadStart(&reads))
	reads.wait(t, l, 1)
	assert.Equal(t, uv.EOF, reads[0].Status)
	require.NoError(t, tcp.Send([]byte("still here"), false, ignore))
	_, err = l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	assert.Equal(t, "still here", <-answer)
	closeStreams(t, &tcp.Stream)
}
