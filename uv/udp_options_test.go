// SPDX-License-Identifier: MIT

package uv_test

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	"github.com/weft-go/weft/uv"
)

func TestUDPBind(t *testing.T) {
	l := newLoop(t)
	_, at := boundUDP(t, l, loopback, 0)
	other := newUDP(t, l)
	assert.Equal(t, uv.EADDRINUSE, other.Bind(at, 0))
	assert.Error(t, newUDP(t, l).Bind(loopback, uv.UDPIPv6Only), "an IPv4 address")
	_, shared := boundUDP(t, l, loopback, uv.UDPReuseAddr)
	require.NoError(t, newUDP(t, l).Bind(shared, uv.UDPReuseAddr))
}

// libuv before 1.49 has no such flag; since then it has it where the system shares a port out.
func TestUDPReusePort(t *testing.T) {
	l := newLoop(t)
	first, second := newUDP(t, l), newUDP(t, l)
	err := first.Bind(loopback, uv.UDPReusePort)
	if !uv.Has(uv.FeatureReusePort) || runtime.GOOS == "windows" {
		assert.Equal(t, uv.ENOTSUP, err)
		return
	}
	require.NoError(t, err)
	at, err := first.Sockname()
	require.NoError(t, err)
	require.NoError(t, second.Bind(at, uv.UDPReusePort))
	assert.Equal(t, uv.EADDRINUSE, newUDP(t, l).Bind(at, 0))
}

func TestUDPSocketsMadeEarly(t *testing.T) {
	for name, end := range ends(t) {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			family := 4
			if end.Addr().Is6() {
				family = 6
			}
			var u, other uv.UDP
			require.NoError(t, u.InitEx(l, family, false))
			defer closeUDP(&u)
			_, err := u.Fileno()
			require.NoError(t, err, "there is a socket")
			require.NoError(t, u.Bind(end, 0))
			at, err := u.Sockname()
			require.NoError(t, err)
			assert.Equal(t, end.Addr(), at.Addr())
			require.NoError(t, other.InitEx(l, 10-family, false))
			defer closeUDP(&other)
			assert.Error(t, other.Bind(end, 0), "of the other family")
		})
	}
}

func TestUDPDualStack(t *testing.T) {
	if len(ends(t)) < 2 {
		t.Skip("this machine has no IPv6")
	}
	for _, only := range []bool{false, true} {
		t.Run(fmt.Sprint("IPv6 only ", only), func(t *testing.T) {
			l := newLoop(t)
			flags := uv.UDPFlags(0)
			if only {
				flags = uv.UDPIPv6Only
			}
			server, at := boundUDP(t, l, netip.AddrPortFrom(netip.IPv6Unspecified(), 0), flags)
			var got inbox
			require.NoError(t, server.RecvStart(&got))
			client, from := boundUDP(t, l, loopback, 0)
			_, _ = client.TrySend(text("four"), netip.AddrPortFrom(loopback.Addr(), at.Port()))
			six, from6 := boundUDP(t, l, netip.MustParseAddrPort("[::1]:0"), 0)
			_, err := six.TrySend(text("six"), netip.AddrPortFrom(from6.Addr(), at.Port()))
			require.NoError(t, err)
			want := inbox{{data: "six", from: from6}}
			if !only {
				mapped := netip.AddrFrom16(from.Addr().As16())
				want = append(inbox{{data: "four", from: netip.AddrPortFrom(mapped, from.Port())}}, want...)
			}
			got.wait(t, l, len(want))
			assert.Equal(t, want, got)
		})
	}
}

func TestUDPOptions(t *testing.T) {
	for name, end := range ends(t) {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			u, _ := boundUDP(t, l, end, 0)
			for _, on := range []bool{true, true, false, false} {
				assert.NoError(t, u.SetBroadcast(on))
				assert.NoError(t, u.SetMulticastLoop(on))
			}
			for ttl := 1; ttl <= 255; ttl++ {
				require.NoError(t, u.SetTTL(ttl))
				require.NoError(t, u.SetMulticastTTL(ttl))
			}
			for _, ttl := range []int{-1, 0, 256, 1<<32 + 1} {
				assert.Equal(t, uv.EINVAL, u.SetTTL(ttl), ttl)
			}
			assert.Equal(t, uv.EINVAL, u.SetMulticastTTL(256))
			assert.NoError(t, u.SetMulticastInterface(netip.Addr{}))
		})
	}
}

func TestUDPOptionsNeedASocket(t *testing.T) {
	l := newLoop(t)
	lazy := newUDP(t, l)
	var early uv.UDP
	require.NoError(t, early.InitEx(l, 4, true))
	defer closeUDP(&early)
	any4 := netip.IPv4Unspecified()
	for name, set := range map[string]func(*uv.UDP) error{
		"multicast TTL":       func(u *uv.UDP) error { return u.SetMulticastTTL(32) },
		"broadcast":           func(u *uv.UDP) error { return u.SetBroadcast(true) },
		"TTL":                 func(u *uv.UDP) error { return u.SetTTL(1) },
		"multicast loop":      func(u *uv.UDP) error { return u.SetMulticastLoop(true) },
		"multicast interface": func(u *uv.UDP) error { return u.SetMulticastInterface(any4) },
	} {
		assert.Equal(t, uv.EBADF, set(lazy), name)
		assert.NoError(t, set(&early), name)
	}
}

func TestUDPBroadcastNeedsTheFlag(t *testing.T) {
	wine.Skip(t, "Wine 8 sends to broadcast addresses also without SO_BROADCAST")
	l := newLoop(t)
	u, _ := boundUDP(t, l, loopback, 0)
	to := netip.MustParseAddrPort("127.255.255.255:9") // the loopback network's
	_, err := u.TrySend(text("x"), to)
	assert.Equal(t, uv.EACCES, err)
	require.NoError(t, u.SetBroadcast(true))
	_, err = u.TrySend(text("x"), to)
	assert.NoError(t, err)
}

// member returns a socket in no group yet, bound for what is sent to groups, and one that sends to them, on loopback.
func member(t *testing.T, l *uv.Loop, any, iface netip.Addr) (server *uv.UDP, got *inbox, client *uv.UDP, port uint16) {
	t.Helper()
	got = &inbox{}
	server, at := boundUDP(t, l, netip.AddrPortFrom(any, 0), uv.UDPReuseAddr)
	require.NoError(t, server.RecvStart(got))
	client, _ = boundUDP(t, l, netip.AddrPortFrom(iface.WithZone(""), 0), 0)
	require.NoError(t, client.SetMulticastInterface(iface))
	require.NoError(t, client.SetMulticastTTL(1))
	return server, got, client, at.Port()
}

// multicasts are groups, and the interface on which to join them: loopback.
func multicasts(t *testing.T) map[string][2]netip.Addr {
	t.Helper()
	all := map[string][2]netip.Addr{"IPv4": {netip.MustParseAddr("224.0.0.251"), loopback.Addr()}}
	ifaces, err := net.Interfaces()
	require.NoError(t, err)
	for _, i := range ifaces {
		if i.Flags&net.FlagLoopback != 0 && len(ends(t)) > 1 {
			all["IPv6"] = [2]netip.Addr{netip.MustParseAddr("ff01::fb"), netip.IPv6Loopback().WithZone(i.Name)}
		}
	}
	return all
}

func TestUDPMulticastOnLoopback(t *testing.T) {
	wine.Skip(t, "Wine 8 does not bring back what is sent to a group on its loopback interface")
	for name, m := range multicasts(t) {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			group, iface := m[0], m[1]
			unspecified := netip.IPv4Unspecified()
			if group.Is6() {
				unspecified = netip.IPv6Unspecified()
			}
			server, got, client, port := member(t, l, unspecified, iface)
			to := netip.AddrPortFrom(group, port)
			if group.Is6() {
				to = netip.AddrPortFrom(group.WithZone(iface.Zone()), port)
			}
			var sends events
			send := func(s string) {
				t.Helper()
				require.NoError(t, client.Send(text(s), to, &sends))
				sends.wait(t, l, len(sends)+1)
				status := sends[len(sends)-1].Status
				if status == uv.ENETUNREACH || status == uv.EADDRNOTAVAIL {
					t.Skip("this machine has no route to groups on loopback: ", status)
				}
				require.Zero(t, status)
			}
			require.NoError(t, server.SetMembership(group, iface, uv.JoinGroup))
			assert.Equal(t, uv.EADDRINUSE, server.SetMembership(group, iface, uv.JoinGroup), "joined twice")
			require.NoError(t, server.SetMembership(group, iface, uv.LeaveGroup))
			assert.Equal(t, uv.EADDRNOTAVAIL, server.SetMembership(group, iface, uv.LeaveGroup), "left twice")
			from, err := client.Sockname()
			require.NoError(t, err)
			require.NoError(t, server.SetSourceMembership(group, iface, from.Addr(), uv.JoinGroup))
			require.NoError(t, server.SetSourceMembership(group, iface, from.Addr(), uv.LeaveGroup))
			send("not a member")
			require.NoError(t, server.SetMembership(group, iface, uv.JoinGroup))
			send("member")
			got.wait(t, l, 1)
			require.NoError(t, server.SetMembership(group, iface, uv.LeaveGroup))
			send("no longer")
			require.NoError(t, server.SetSourceMembership(group, iface, from.Addr(), uv.JoinGroup))
			send("from a source")
			got.wait(t, l, 2)
			require.NoError(t, server.SetSourceMembership(group, iface, from.Addr(), uv.LeaveGroup))
			assert.Equal(t, []string{"member", "from a source"}, got.data())
		})
	}
}

func TestUDPMembershipBindsTheSocket(t *testing.T) {
	wine.Skip(t, "Wine 8 fails to join a group on its loopback interface")
	l := newLoop(t)
	u := newUDP(t, l)
	require.NoError(t, u.SetMembership(netip.MustParseAddr("224.0.0.251"), loopback.Addr(), uv.JoinGroup))
	at, err := u.Sockname()
	require.NoError(t, err)
	assert.Equal(t, netip.IPv4Unspecified(), at.Addr())
	assert.Equal(t, uv.EINVAL, u.SetMembership(netip.MustParseAddr("224.0.0.251"), netip.IPv6Loopback(), uv.JoinGroup),
		"an interface of another family")
	assert.Error(t, u.SetMembership(loopback.Addr(), loopback.Addr(), uv.JoinGroup), "no group")
}
