// SPDX-License-Identifier: MIT

package uv_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// round returns what sends n datagrams to a socket of the same loop and turns it until they have come.
func round(tb testing.TB, l *uv.Loop, n int, connected, recvmmsg bool) func() {
	tb.Helper()
	var server uv.UDP
	client, err := uv.NewUDP(l)
	require.NoError(tb, err)
	require.NoError(tb, server.InitEx(l, 4, recvmmsg))
	tb.Cleanup(func() {
		closeUDP(client)
		closeUDP(&server)
	})
	require.NoError(tb, server.Bind(loopback, 0))
	to, err := server.Sockname()
	require.NoError(tb, err)
	if connected {
		require.NoError(tb, client.Connect(to))
		to = netip.AddrPort{}
	}
	var got, sent int
	var from netip.AddrPort
	require.NoError(tb, server.RecvStart(uv.CompleterFunc(func(ev uv.Event) {
		got++
		from = ev.Addr()
	})))
	told := uv.CompleterFunc(func(uv.Event) { sent++ })
	bufs := [][]byte{make([]byte, 64)}
	return func() {
		for range n {
			_ = client.Send(bufs, to, told)
		}
		for want := got + n; got < want || sent < got; {
			_, _ = l.Turn(uv.RunOnce)
		}
		if !from.IsValid() {
			tb.Fatal("a datagram from nowhere")
		}
	}
}

func TestUDPSteadyStateAllocatesNothing(t *testing.T) {
	for _, recvmmsg := range []bool{false, true} {
		l := newLoop(t)
		f := round(t, l, 10, false, recvmmsg)
		f()
		assert.Zero(t, testing.AllocsPerRun(100, f))
	}
}

func TestUDPTrySendAllocatesNothing(t *testing.T) {
	l := newLoop(t)
	client, at := boundUDP(t, l, loopback, 0)
	bufs := [][]byte{make([]byte, 64)} // outside: with -asan the compiler would put it into the heap each time
	send := func() {
		if _, err := client.TrySend(bufs, at); err != nil {
			t.Error(err)
		}
	}
	send()
	before := l.Stats().Bytes
	assert.Zero(t, testing.AllocsPerRun(10_000, send))
	assert.Equal(t, before, l.Stats().Bytes, "without a turn in between")
}

func BenchmarkUDPSendAndReceive(b *testing.B) {
	for _, c := range []struct {
		name                string
		n                   int
		connected, recvmmsg bool
	}{
		{"one", 1, false, false},
		{"one connected", 1, true, false},
		{"twenty", 20, false, false},
		{"twenty recvmmsg", 20, false, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			l := uvtest.NewLoop(b)
			f := round(b, l, c.n, c.connected, c.recvmmsg)
			f()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N/c.n + 1 {
				f()
			}
		})
	}
}
