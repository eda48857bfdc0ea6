// SPDX-License-Identifier: MIT

package uv_test

import (
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// dialed returns n connections of Go's net to a listener that has not been turned since: all of them wait in its backlog.
func dialed(t *testing.T, l *uv.Loop, n int, c uv.Completer) *uv.TCP {
	t.Helper()
	ln, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, ln.Bind(loopback, 0))
	require.NoError(t, ln.Listen(256, c))
	addr, err := ln.Sockname()
	require.NoError(t, err)
	for range n {
		conn, err := net.Dial("tcp", addr.String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
	}
	return ln
}

func TestConnectionsBehindAClosedListenerAreClosed(t *testing.T) {
	for name, end := range map[string]func(*uv.TCP) error{
		"Close":      func(ln *uv.TCP) error { return ln.Close(nil) },
		"CloseReset": func(ln *uv.TCP) error { return ln.CloseReset(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			var ln *uv.TCP
			seen := 0
			// The records of the other connections are there already when the second one's closes the listener.
			ln = dialed(t, l, 10, uv.CompleterFunc(func(uv.Event) {
				if seen++; seen == 2 {
					assert.NoError(t, end(ln))
				}
			}))
			require.NoError(t, l.Run(uv.RunDefault))
			assert.Equal(t, 2, seen)
		})
	}
}

func TestUntakenConnectionsAreClosedWithTheirListener(t *testing.T) {
	l := newLoop(t)
	var conns events
	ln := dialed(t, l, 5, &conns)
	conns.wait(t, l, 5)
	require.NoError(t, ln.CloseReset(nil))
}

// More connections than C accepts ahead: Accept, called in the drain, has it accept the next, whose record makes the array of
// records that is being drained move.
func TestAcceptInTheDrainMayGrowTheRecords(t *testing.T) {
	const n = 200
	l := newLoop(t)
	var ln *uv.TCP
	got := map[netip.AddrPort]bool{}
	ln = dialed(t, l, n, uv.CompleterFunc(func(ev uv.Event) {
		assert.Zero(t, ev.Status)
		var c uv.TCP
		if !assert.NoError(t, ln.Accept(&c)) {
			return
		}
		peer, err := c.Peername()
		assert.NoError(t, err)
		got[peer] = true
		assert.NoError(t, c.Close(nil))
	}))
	for deadline := time.Now().Add(10 * time.Second); len(got) < n && time.Now().Before(deadline); {
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
		runtime.Gosched()
	}
	assert.Len(t, got, n, "each connection once")
	require.NoError(t, ln.Close(nil))
}

func TestAFailedListenLeavesNothing(t *testing.T) {
	l := newLoop(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ln, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, ln.Bind(taken.Addr().(*net.TCPAddr).AddrPort(), 0), "it shows in Listen")
	var conns events
	assert.Equal(t, uv.EADDRINUSE, ln.Listen(1, &conns))
	require.NoError(t, taken.Close())
	require.NoError(t, ln.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Zero(t, l.Stats().Tokens)
}

func TestAListenerCannotBeRead(t *testing.T) {
	l := newLoop(t)
	var conns, reads events
	ln := dialed(t, l, 2, &conns)
	assert.Equal(t, uv.EINVAL, ln.ReadStart(&reads))
	conns.wait(t, l, 2)
	var c uv.TCP
	require.NoError(t, ln.Accept(&c))
	assert.Empty(t, reads)
	assert.Equal(t, uv.EINVAL, ln.Accept(&c), "it is somebody already")
	require.NoError(t, c.ReadStart(&reads))
	assert.Equal(t, uv.EINVAL, c.Listen(1, &conns), "a connection does not listen")
	require.NoError(t, c.Close(nil))
	require.NoError(t, ln.Close(nil))
}
