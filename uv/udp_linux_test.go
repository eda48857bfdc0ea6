// SPDX-License-Identifier: MIT

package uv_test

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// deserted returns an address where nobody is.
func deserted(t *testing.T, a netip.AddrPort) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
	require.NoError(t, err)
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// sleeps says whether the loop has nothing to do for a while.
func sleeps(t *testing.T, l *uv.Loop) bool {
	t.Helper()
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	var fired events
	require.NoError(t, timer.Start(50*time.Millisecond, 0, &fired))
	turns := 0
	for ; len(fired) == 0; turns++ {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	require.NoError(t, timer.Close(nil))
	return turns < 10
}

// ICMP tells the sender of a connected socket that nobody is there, through the next send or receive.
func TestUDPRefusedWhereConnected(t *testing.T) {
	for name, end := range ends(t) {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			u, _ := boundUDP(t, l, end, 0)
			require.NoError(t, u.Connect(deserted(t, end)))
			_, err := u.TrySend(text("x"), nowhere)
			require.NoError(t, err)
			_, err = u.TrySend(text("x"), nowhere)
			assert.Equal(t, uv.ECONNREFUSED, err)
			var sends events
			for range 6 {
				require.NoError(t, u.Send(text("x"), nowhere, &sends))
			}
			sends.wait(t, l, 6)
			for _, s := range sends {
				assert.Contains(t, []uv.Errno{0, uv.ECONNREFUSED}, s.Status)
			}
			var got inbox
			require.NoError(t, u.RecvStart(&got))
			got.wait(t, l, 1)
			assert.Equal(t, inbox{{status: uv.ECONNREFUSED}}, got)
			assert.True(t, sleeps(t, l))
			_, err = u.TrySend(text("x"), nowhere)
			require.NoError(t, err, "receiving goes on")
			got.wait(t, l, 2)
			assert.Equal(t, got[0], got[1])
		})
	}
}

// Without LinuxRecvErr an unconnected socket hears of nothing; with it, of each.
func TestUDPRefusedWhereUnconnected(t *testing.T) {
	for name, end := range ends(t) {
		for _, flags := range []uv.UDPFlags{0, uv.UDPLinuxRecvErr} {
			for _, recvmmsg := range []bool{false, true} {
				t.Run(fmt.Sprint(name, " flags ", flags, " recvmmsg ", recvmmsg), func(t *testing.T) {
					l := newLoop(t)
					var u uv.UDP
					require.NoError(t, u.InitEx(l, 0, recvmmsg))
					defer closeUDP(&u)
					require.NoError(t, u.Bind(end, flags))
					var got inbox
					require.NoError(t, u.RecvStart(&got))
					_, at, arrived := receiver(t, l, end)
					_, err := u.TrySend(text("x"), deserted(t, end))
					require.NoError(t, err)
					_, err = u.TrySend(text("to somebody"), at)
					if flags != 0 {
						assert.Equal(t, uv.ECONNREFUSED, err)
						_, err = u.TrySend(text("to somebody"), at)
					}
					require.NoError(t, err)
					arrived.wait(t, l, 1)
					// libuv 1.44 leaves the error in the socket's queue, for which every poll then returns at once.
					assert.True(t, sleeps(t, l), "the loop sleeps")
					if flags == 0 {
						assert.Empty(t, got)
						return
					}
					require.NotEmpty(t, got)
					last := got[len(got)-1]
					assert.Equal(t, uv.ECONNREFUSED, last.status)
					assert.Equal(t, end.Addr(), last.from.Addr(), "who says so")
				})
			}
		}
	}
}

// A socket that was opened may have the flag already.
func TestUDPErrorQueueOfAnOpenedSocket(t *testing.T) {
	l := newLoop(t)
	u, _ := boundUDP(t, l, loopback, uv.UDPLinuxRecvErr)
	fd, err := u.Fileno()
	require.NoError(t, err)
	own, err := syscall.Dup(int(fd))
	require.NoError(t, err)
	require.NoError(t, u.Close(nil))
	again := newUDP(t, l)
	require.NoError(t, again.Open(uintptr(own)))
	var got inbox
	require.NoError(t, again.RecvStart(&got))
	_, err = again.TrySend(text("x"), deserted(t, loopback))
	require.NoError(t, err)
	got.wait(t, l, 1)
	assert.True(t, sleeps(t, l))
}

// Who does not receive: an error neither crashes nor keeps the loop busy, and a Completer may close the socket for one.
func TestUDPErrorsAndClose(t *testing.T) {
	l := newLoop(t)
	u, _ := boundUDP(t, l, loopback, uv.UDPLinuxRecvErr)
	require.NoError(t, u.Connect(deserted(t, loopback)))
	var sends events
	require.NoError(t, u.Send(text("x"), nowhere, &sends))
	sends.wait(t, l, 1)
	assert.True(t, sleeps(t, l))
	seen := 0
	require.NoError(t, u.RecvStart(uv.CompleterFunc(func(uv.Event) {
		if seen++; seen == 1 {
			assert.NoError(t, u.Close(nil))
		}
	})))
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, 1, seen)
}
