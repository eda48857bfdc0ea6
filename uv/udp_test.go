// SPDX-License-Identifier: MIT

package uv_test

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	"github.com/weft-go/weft/uv"
)

// datagram is what a Completer of RecvStart is told.
type datagram struct {
	status  uv.Errno
	data    string
	from    netip.AddrPort
	partial bool
}

// inbox collects datagrams.
type inbox []datagram

func (in *inbox) Complete(ev uv.Event) {
	*in = append(*in, datagram{ev.Status, string(ev.Data), ev.Addr(), ev.Partial()})
}

// wait turns the loop until n datagrams have come.
func (in *inbox) wait(t *testing.T, l *uv.Loop, n int) {
	t.Helper()
	for len(*in) < n {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
}

// data returns what the datagrams say.
func (in *inbox) data() (all []string) {
	for _, d := range *in {
		all = append(all, d.data)
	}
	return all
}

// ends are the loopback addresses of both families, IPv6 only where the machine has it.
func ends(t *testing.T) map[string]netip.AddrPort {
	t.Helper()
	all := map[string]netip.AddrPort{"IPv4": loopback}
	if c, err := net.ListenPacket("udp6", "[::1]:0"); err == nil {
		_ = c.Close()
		all["IPv6"] = netip.MustParseAddrPort("[::1]:0")
	}
	return all
}

// newUDP returns a socket that is closed at the end of the test.
func newUDP(t *testing.T, l *uv.Loop) *uv.UDP {
	t.Helper()
	u, err := uv.NewUDP(l)
	require.NoError(t, err)
	t.Cleanup(func() { closeUDP(u) })
	return u
}

func closeUDP(u *uv.UDP) {
	if !u.IsClosing() {
		_ = u.Close(nil) // it is open
	}
}

// boundUDP returns a socket that has an address.
func boundUDP(t *testing.T, l *uv.Loop, a netip.AddrPort, flags uv.UDPFlags) (*uv.UDP, netip.AddrPort) {
	t.Helper()
	u := newUDP(t, l)
	require.NoError(t, u.Bind(a, flags))
	at, err := u.Sockname()
	require.NoError(t, err)
	require.NotZero(t, at.Port())
	return u, at
}

// receiver returns a socket that receives into the inbox.
func receiver(t *testing.T, l *uv.Loop, a netip.AddrPort) (*uv.UDP, netip.AddrPort, *inbox) {
	t.Helper()
	u, at := boundUDP(t, l, a, 0)
	in := &inbox{}
	require.NoError(t, u.RecvStart(in))
	return u, at, in
}

func text(s string) [][]byte { return [][]byte{[]byte(s)} }

var nowhere netip.AddrPort

func TestUDPSendsBothWays(t *testing.T) {
	for name, end := range ends(t) {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			server, serverAt, got := receiver(t, l, end)
			client, clientAt, answers := receiver(t, l, end)
			var sends events
			require.NoError(t, client.Send(text("ping"), serverAt, &sends))
			assert.Empty(t, sends)
			got.wait(t, l, 1)
			sends.wait(t, l, 1)
			assert.Equal(t, inbox{{data: "ping", from: clientAt}}, *got)
			assert.Zero(t, sends[0].Status)
			assert.EqualValues(t, 4, sends[0].Value)
			n, err := server.TrySend([][]byte{[]byte("po"), nil, []byte("ng")}, clientAt)
			require.NoError(t, err)
			assert.Equal(t, 4, n)
			answers.wait(t, l, 1)
			assert.Equal(t, inbox{{data: "pong", from: serverAt}}, *answers)
			assert.Zero(t, client.SendQueueSize()+client.SendQueueCount()+server.SendQueueCount())
		})
	}
}

func TestUDPSendsOfATurnArriveInOrder(t *testing.T) {
	const n = 50 // more than leave together
	l := newLoop(t)
	_, at, got := receiver(t, l, loopback)
	_, otherAt, others := receiver(t, l, loopback)
	client := newUDP(t, l)
	var sends events
	var want []string
	for i := range n {
		want = append(want, fmt.Sprint("datagram ", i, strings.Repeat(".", i)))
		require.NoError(t, client.Send(text(want[i]), at, &sends))
		if i%7 == 0 {
			require.NoError(t, client.Send(text("other"), otherAt, nil))
		}
	}
	got.wait(t, l, n)
	sends.wait(t, l, n)
	others.wait(t, l, 8)
	assert.Equal(t, want, got.data())
	for i, s := range sends {
		assert.Zero(t, s.Status)
		assert.EqualValues(t, len(want[i]), s.Value)
	}
	assert.Len(t, sends, n, "a nil Completer is not told")
}

func TestUDPEmptyDatagramIsAnEvent(t *testing.T) {
	l := newLoop(t)
	_, at, got := receiver(t, l, loopback)
	client, from := boundUDP(t, l, loopback, 0)
	for _, s := range []string{"", "x", ""} {
		n, err := client.TrySend(text(s), at)
		require.NoError(t, err)
		assert.Equal(t, len(s), n)
	}
	var sends events
	require.NoError(t, client.Send([][]byte{nil}, at, &sends))
	got.wait(t, l, 4)
	sends.wait(t, l, 1)
	assert.Equal(t, inbox{{from: from}, {data: "x", from: from}, {from: from}, {from: from}}, *got)
	// Nothing was there after all is none.
	for range 3 {
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
	}
	assert.Len(t, *got, 4)
}

func TestUDPLargestDatagrams(t *testing.T) {
	for name, end := range ends(t) {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			_, at, got := receiver(t, l, end)
			client, _ := boundUDP(t, l, end, 0)
			largest := 65507
			if end.Addr().Is6() {
				largest = 65527
			}
			b := make([]byte, largest+1)
			for i := range b {
				b[i] = byte(i / 251)
			}
			var sends events
			assert.Equal(t, uv.EMSGSIZE, client.Send([][]byte{b[:largest], b[:1]}, at, &sends))
			_, err := client.TrySend([][]byte{b}, at)
			assert.Equal(t, uv.EMSGSIZE, err)
			require.NoError(t, client.Connect(at))
			_, err = client.TrySend([][]byte{b}, nowhere)
			assert.Equal(t, uv.EMSGSIZE, err, "also of a connected socket")
			require.NoError(t, client.Send([][]byte{b[:1000], b[1000:largest]}, nowhere, &sends))
			got.wait(t, l, 1)
			sends.wait(t, l, 1)
			assert.Zero(t, sends[0].Status)
			assert.Equal(t, string(b[:largest]), (*got)[0].data)
			assert.False(t, (*got)[0].partial)
		})
	}
}

func TestUDPConnectAndDisconnect(t *testing.T) {
	for name, end := range ends(t) {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			_, at, got := receiver(t, l, end)
			_, otherAt, others := receiver(t, l, end)
			u := newUDP(t, l)
			assert.Equal(t, uv.ENOTCONN, u.Disconnect())
			assert.Equal(t, uv.EINVAL, u.Connect(nowhere))
			var sends events
			require.NoError(t, u.Send(text("x"), nowhere, &sends), "before libuv has looked at it")
			sends.wait(t, l, 1)
			assert.Equal(t, uv.EDESTADDRREQ, sends[0].Status)
			_, err := u.TrySend(text("x"), nowhere)
			assert.Equal(t, uv.EDESTADDRREQ, err)

			require.NoError(t, u.Connect(at))
			assert.Equal(t, uv.EISCONN, u.Connect(otherAt))
			peer, err := u.Peername()
			require.NoError(t, err)
			assert.Equal(t, at, peer)
			require.NoError(t, u.Send(text("connected"), nowhere, &sends))
			require.NoError(t, u.Send(text("x"), otherAt, &sends))
			require.NoError(t, u.Send(text("connected too"), nowhere, &sends))
			_, err = u.TrySend(text("x"), at)
			assert.Equal(t, uv.EISCONN, err)
			got.wait(t, l, 2)
			sends.wait(t, l, 4)
			assert.Equal(t, []string{"connected", "connected too"}, got.data())
			assert.Equal(t, []uv.Errno{0, uv.EISCONN, 0}, []uv.Errno{sends[1].Status, sends[2].Status, sends[3].Status})

			require.NoError(t, u.Disconnect())
			assert.Equal(t, uv.ENOTCONN, u.Disconnect())
			_, err = u.Peername()
			assert.Equal(t, uv.ENOTCONN, err)
			_, err = u.TrySend(text("x"), nowhere)
			assert.Equal(t, uv.EDESTADDRREQ, err)
			_, err = u.TrySend(text("anywhere"), otherAt)
			require.NoError(t, err)
			others.wait(t, l, 1)
			require.NoError(t, u.Connect(otherAt), "again")
			_, err = u.TrySend(text("again"), nowhere)
			require.NoError(t, err)
			others.wait(t, l, 2)
			assert.Equal(t, []string{"anywhere", "again"}, others.data())
		})
	}
}

func TestUDPReceivingStartsAndStops(t *testing.T) {
	l := newLoop(t)
	server, at := boundUDP(t, l, loopback, 0)
	client := newUDP(t, l)
	assert.NoError(t, server.RecvStop(), "before the start")
	assert.Equal(t, uv.EINVAL, server.RecvStart(nil))
	assert.False(t, server.IsActive())
	var first, second inbox
	require.NoError(t, server.RecvStart(&first))
	assert.True(t, server.IsActive())
	assert.Equal(t, uv.EALREADY, server.RecvStart(&second))
	require.NoError(t, client.Send(text("one"), at, nil))
	first.wait(t, l, 1)
	require.NoError(t, server.RecvStop())
	require.NoError(t, server.RecvStop())
	assert.False(t, server.IsActive())
	require.NoError(t, client.Send(text("two"), at, nil))
	for range 3 {
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
	}
	require.NoError(t, server.RecvStart(&second))
	second.wait(t, l, 1)
	assert.Equal(t, []string{"one"}, first.data(), "EALREADY has changed nothing")
	assert.Equal(t, []string{"two"}, second.data())
}

// A Completer that stops receiving, or closes the socket, in the middle of what a turn has collected.
func TestUDPStopAndCloseAmongWhatWasCollected(t *testing.T) {
	for _, recvmmsg := range []bool{false, true} {
		t.Run(fmt.Sprint("recvmmsg ", recvmmsg), func(t *testing.T) {
			l := newLoop(t)
			var server uv.UDP
			require.NoError(t, server.InitEx(l, 4, recvmmsg))
			require.NoError(t, server.Bind(loopback, 0))
			at, err := server.Sockname()
			require.NoError(t, err)
			client := newUDP(t, l)
			for i := range 10 {
				_, err := client.TrySend(text(fmt.Sprint(i)), at)
				require.NoError(t, err)
			}
			var got inbox
			require.NoError(t, server.RecvStart(uv.CompleterFunc(func(ev uv.Event) {
				got.Complete(ev)
				switch len(got) {
				case 3:
					assert.NoError(t, server.RecvStop())
					again := server.RecvStart(&got)
					if runtime.GOOS == "windows" {
						assert.Equal(t, uv.EBUSY, again)
					} else {
						assert.NoError(t, again, "and on, to another")
					}
				}
			})))
			if runtime.GOOS == "windows" {
				for len(got) < 3 || server.RecvStart(&got) != nil {
					_, err := l.Turn(uv.RunNoWait)
					require.NoError(t, err)
				}
			}
			got.wait(t, l, 10)
			assert.Equal(t, strings.Split("0123456789", ""), got.data())
			require.NoError(t, server.RecvStop())
			for range 10 {
				_, err := client.TrySend(text("x"), at)
				require.NoError(t, err)
			}
			_, err = l.Turn(uv.RunNoWait)
			require.NoError(t, err)
			seen := 0
			require.NoError(t, server.RecvStart(uv.CompleterFunc(func(uv.Event) {
				if seen++; seen == 2 {
					assert.NoError(t, server.Close(nil))
				}
			})))
			require.NoError(t, client.Close(nil))
			require.NoError(t, l.Run(uv.RunDefault))
			assert.Equal(t, 2, seen, "a closed socket tells no more")
		})
	}
}

func TestUDPRecvmmsgDeliversAll(t *testing.T) {
	l := newLoop(t)
	var server uv.UDP
	require.NoError(t, server.InitEx(l, 0, true))
	t.Cleanup(func() { closeUDP(&server) })
	require.NoError(t, server.Bind(loopback, 0))
	at, err := server.Sockname()
	require.NoError(t, err)
	client, from := boundUDP(t, l, loopback, 0)
	assert.False(t, client.UsingRecvmmsg())
	var got inbox
	require.NoError(t, server.RecvStart(&got))
	var want []string
	for round := range 10 {
		for i := range 70 {
			want = append(want, fmt.Sprint(round, " ", i))
			_, err := client.TrySend(text(want[len(want)-1]), at)
			require.NoError(t, err)
		}
		got.wait(t, l, len(want))
	}
	assert.Equal(t, want, got.data())
	for _, d := range got {
		assert.Equal(t, datagram{data: d.data, from: from}, d)
	}
}

// More than a turn may read: what does not fit waits for the next one, and nothing is lost or cut off.
func TestUDPMoreThanATurnMayReadIsNotLost(t *testing.T) {
	for _, recvmmsg := range []bool{false, true} {
		t.Run(fmt.Sprint("recvmmsg ", recvmmsg), func(t *testing.T) {
			l := newLoop(t)
			const size, each = 60000, 3 // of each socket: what the system's buffers take
			var got inbox
			client := newUDP(t, l)
			var servers []*uv.UDP
			for i := range 40 {
				server := &uv.UDP{}
				require.NoError(t, server.InitEx(l, 4, recvmmsg))
				t.Cleanup(func() { closeUDP(server) })
				require.NoError(t, server.Bind(loopback, 0))
				at, err := server.Sockname()
				require.NoError(t, err)
				for range each {
					_, err := client.TrySend(text(strings.Repeat(string(rune('a'+i%26)), size)), at)
					require.NoError(t, err)
				}
				servers = append(servers, server)
			}
			for _, server := range servers {
				require.NoError(t, server.RecvStart(&got))
			}
			turns := 0
			for ; len(got) < len(servers)*each; turns++ {
				before := len(got)
				_, err := l.Turn(uv.RunOnce)
				require.NoError(t, err)
				assert.LessOrEqual(t, len(got)-before, 20, "a turn's memory is bounded: each of these takes a slab")
			}
			assert.Greater(t, turns, 1)
			for _, d := range got {
				require.Zero(t, d.status)
				require.Len(t, d.data, size)
				require.Equal(t, strings.Repeat(d.data[:1], size), d.data)
				require.False(t, d.partial)
			}
		})
	}
}

func TestUDPTrySend2(t *testing.T) {
	l := newLoop(t)
	_, at, got := receiver(t, l, loopback)
	client := newUDP(t, l)
	n, err := client.TrySend2(nil)
	assert.Equal(t, uv.EINVAL, err)
	assert.Zero(t, n)
	var all []uv.Datagram
	var want []string
	for i := range 45 {
		want = append(want, strings.Repeat("x", i))
		all = append(all, uv.Datagram{Bufs: text(want[i]), To: at})
	}
	n, err = client.TrySend2(all)
	require.NoError(t, err)
	assert.Equal(t, len(all), n)
	got.wait(t, l, n)
	assert.Equal(t, want, got.data())

	// It ends at the first that does not leave.
	for bad, why := range map[*uv.Datagram]uv.Errno{
		{Bufs: text("x")}: uv.EDESTADDRREQ,
		{Bufs: [][]byte{make([]byte, 1<<16)}, To: at}: uv.EMSGSIZE,
		{To: at}: uv.EINVAL,
	} {
		*got = nil
		n, err = client.TrySend2(slices.Concat(all[:30], []uv.Datagram{*bad}, all[:3]))
		require.NoError(t, err)
		assert.Equal(t, 30, n)
		got.wait(t, l, n)
		_, err = client.TrySend2([]uv.Datagram{*bad, all[0]})
		assert.Equal(t, why, err)
		assert.Len(t, *got, 30)
	}
}

func TestUDPTrySendDoesNotOvertakeASend(t *testing.T) {
	l := newLoop(t)
	_, at, got := receiver(t, l, loopback)
	client := newUDP(t, l)
	require.NoError(t, client.Send(text("first"), at, nil))
	_, err := client.TrySend(text("second"), at)
	require.NoError(t, err)
	got.wait(t, l, 2)
	assert.Equal(t, []string{"first", "second"}, got.data())
}

func TestUDPBadArguments(t *testing.T) {
	l := newLoop(t)
	u := newUDP(t, l)
	assert.Equal(t, uv.EALREADY, u.Init(l))
	assert.Equal(t, uv.EINVAL, (&uv.UDP{}).InitEx(l, 5, false))
	assert.Equal(t, uv.EINVAL, u.Send(nil, loopback, nil), "no buffers")
	_, err := u.TrySend(nil, loopback)
	assert.Equal(t, uv.EINVAL, err)
	assert.Equal(t, uv.EINVAL, u.Bind(nowhere, 0))
	assert.Equal(t, uv.EINVAL, u.SetMembership(netip.Addr{}, netip.Addr{}, uv.JoinGroup))
	group := netip.MustParseAddr("224.0.0.100")
	assert.Equal(t, uv.EINVAL, u.SetMembership(group, netip.Addr{}, 7))
	assert.Equal(t, uv.EINVAL, u.SetSourceMembership(group, netip.Addr{}, netip.Addr{}, uv.JoinGroup))
	assert.Error(t, u.Send(text("x"), netip.MustParseAddrPort("[fe80::1%no-such-interface]:1"), nil))
}

func TestUDPSocketsKeepTheLoopAliveWhileTheyDoSomething(t *testing.T) {
	l := newLoop(t)
	u, at := boundUDP(t, l, loopback, 0)
	assert.False(t, l.Alive(), "bound")
	var got inbox
	require.NoError(t, u.RecvStart(&got))
	assert.True(t, l.Alive(), "receiving")
	u.Unref()
	assert.False(t, l.Alive(), "unreferenced")
	u.Ref()
	require.NoError(t, u.Send(text("x"), at, nil))
	got.wait(t, l, 1)
	require.NoError(t, u.RecvStop())
	assert.False(t, l.Alive(), "stopped")
}

func TestUDPGoNetIsThePeer(t *testing.T) {
	wine.Skip(t, "Wine 8 does not know SIO_UDP_NETRESET, without which Go's net opens no UDP socket")
	for name, end := range ends(t) {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			peer, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(end))
			require.NoError(t, err)
			echoed := make(chan struct{})
			go func() {
				defer close(echoed)
				b := make([]byte, 1<<16)
				for {
					n, from, err := peer.ReadFromUDPAddrPort(b)
					if err != nil {
						return
					}
					_, _ = peer.WriteToUDPAddrPort(b[:n], from)
				}
			}()
			peerAt := peer.LocalAddr().(*net.UDPAddr).AddrPort()
			u := newUDP(t, l)
			require.NoError(t, u.Connect(peerAt))
			var got inbox
			require.NoError(t, u.RecvStart(&got))
			for i, s := range []string{"", "hello", strings.Repeat("x", 9000)} {
				require.NoError(t, u.Send(text(s), nowhere, nil))
				got.wait(t, l, i+1)
				assert.Equal(t, datagram{data: s, from: peerAt}, got[i])
			}
			require.NoError(t, peer.Close())
			<-echoed
		})
	}
}
