// SPDX-License-Identifier: MIT

//go:build unix

package io_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/wefttest"
)

// result is what became of a Dial, a Listen or a lookup, without what may differ between two runs.
type result struct {
	Value string // addresses without ports that the system picks, and who reaches them
	Op    string // of the *net.OpError
	Kind  string // the type of the error inside
	Is    string // the sentinels that it is
}

var sentinels = map[string]error{
	"EADDRINUSE": syscall.EADDRINUSE, "EADDRNOTAVAIL": syscall.EADDRNOTAVAIL, "EAFNOSUPPORT": syscall.EAFNOSUPPORT,
	"ECONNREFUSED": syscall.ECONNREFUSED, "EHOSTUNREACH": syscall.EHOSTUNREACH, "EINVAL": syscall.EINVAL,
	"ENETUNREACH": syscall.ENETUNREACH, "ETIMEDOUT": syscall.ETIMEDOUT, "canceled": context.Canceled,
	"deadline": context.DeadlineExceeded, "closed": net.ErrClosed, "permission": os.ErrPermission, "absent": os.ErrNotExist,
}

// resultOf takes an error apart.
func resultOf(value string, err error) result {
	if err == nil {
		return result{Value: value}
	}
	var o result
	var op *net.OpError
	if errors.As(err, &op) {
		o.Op = op.Op + " " + op.Net
	}
	var address *net.AddrError
	var dns *net.DNSError
	var network net.UnknownNetworkError
	var sys *os.SyscallError
	switch {
	case errors.As(err, &address):
		o.Kind = "address " + address.Addr
	case errors.As(err, &dns):
		o.Kind = fmt.Sprint("lookup ", dns.Name, " found: ", !dns.IsNotFound)
		if dns.IsTemporary {
			o.Kind = "lookup " + dns.Name + " without a name server"
		}
	case errors.As(err, &network):
		o.Kind = "network " + string(network)
	case errors.As(err, &sys):
		o.Kind = sys.Syscall
	}
	var is []string
	for name, target := range sentinels {
		if errors.Is(err, target) {
			is = append(is, name)
		}
	}
	if t := net.Error(nil); errors.As(err, &t) && t.Timeout() {
		is = append(is, "timeout")
	}
	slices.Sort(is)
	o.Is = strings.Join(is, " ")
	return o
}

// row is one call of both. weft differs from net where a reason says why.
type row struct {
	call, network, host, service string
	net                          result
	weft                         result // its own, where there is a reason
	reason                       string
}

func (r row) String() string {
	return fmt.Sprintf("%s %s %.40q %q", r.call, r.network, r.host, r.service)
}

var (
	networks = []string{"tcp", "tcp4", "tcp6"}

	// PORT stands for one that somebody listens on, in both families.
	addresses = []string{
		"", ":", ":0", ":PORT", "localhost:PORT", "LocalHost:PORT", "127.0.0.1:PORT", "127.0.0.2:PORT", "[127.0.0.1]:PORT", "0.0.0.0:PORT",
		"[::1]:PORT", "[::]:PORT", "[::ffff:127.0.0.1]:PORT", "[::1%lo]:PORT", "[::1%1]:PORT", "127.0.0.1:0PORT", "127.0.0.1:+PORT",
		"127.0.0.1:1", "localhost:1", "localhost:", "127.0.0.1:", "127.0.0.1", "[::1]", "[::1", "::1", "::1:80", "[::1]80", "[[::1]]:80",
		"[localhost]:1", "]:1", "host:80:90", "127.0.0.1:-1", "127.0.0.1:65536", "127.0.0.1:99999", "127.0.0.1:4294967297",
		"127.0.0.1:0x50", "127.0.0.1:80 ", "127.0.0.1:nosuch", "[::1]:nosuch", "127.1:1",
		"0177.0.0.1:1", "010.0.0.1:1", "1.2.3:1", "256.1.1.1:1", "2130706433:1", " 127.0.0.1:1", "127.0.0.1 :1", "127.0.0.1.:1",
		"[fe80::1]:1", "[fe80::1%nosuch]:1", "192.0.2.77:nosuch", "a\x00b:1",
	}

	hosts = []string{
		"", "localhost", "LOCALHOST", "localhost.", "nosuch", "nosuch.invalid", "127.0.0.1", "127.1", "127.0.1", "0177.0.0.1", "010.0.0.1",
		"127.0.0.01", "1.2.3", "1.2.3.4.5", "256.1.1.1", "0x7f.1", "0x7f000001", "0X7F.0.0.1", "2130706433", "127.0.0.1.", "127.0.0.1 ",
		" 127.0.0.1", "127.0.0.1\n", "127.0.0.1 x", "127。0。0。1", "::1", "::1%lo", "fe80::1%nosuch", "::1%", "::ffff:127.0.0.1", "::ffff:7f00:1",
		"1::2::3", "::g", ":", "%lo", "localhost%lo", "127.0.0.1%lo", "[::1]", "a..b", ".a", ".", "..", "-", "*", "a b", "a\tb", "\xff",
		"\xff.invalid", "a\x00b", "\x00", strings.Repeat("a", 63) + ".invalid", strings.Repeat("a", 64), strings.Repeat("a", 300),
		strings.Repeat("a.", 130) + "invalid", strings.Repeat("a", 100_000), "bücher.invalid", "user@nosuch.invalid", "/etc/hosts",
	}

	services = []string{
		"", "0", "00", "80", "+80", "-0", "-1", "0080", "65535", "65536", "99999", "4294967296", "18446744073709551696",
		strings.Repeat("0", 100) + "80", "http", "HTTP", "Https", "domain", "ssh", "smtp", "telnet", "nosuch", "0x50", "1e3", "8_0", "80 ",
		"80x", "ht tp", "٣", "+", "-", "+-8", "http/tcp", "http\n",
	}
)

func rows() []row {
	var all []row
	for _, a := range addresses {
		for _, n := range networks {
			all = append(all, row{call: "Dial", network: n, host: a}, row{call: "Listen", network: n, host: strings.ReplaceAll(a, "PORT", "0")})
		}
	}
	all = append(all, row{call: "Dial", network: "tcp", host: "nosuch.invalid:http"}, row{call: "Listen", network: "tcp", host: "nosuch.invalid:1"})
	for _, n := range []string{"", "TCP", "tcp ", "tcp5", "tcp:4", "nosuch"} {
		all = append(all, row{call: "Dial", network: n, host: "127.0.0.1:PORT"}, row{call: "Listen", network: n, host: ":0"})
	}
	for _, h := range hosts {
		all = append(all, row{call: "Lookup", host: h, service: "80"})
	}
	for _, s := range services {
		all = append(all, row{call: "Lookup", host: "127.0.0.1", service: s}, row{call: "Lookup", host: "localhost", service: s})
	}
	return append(all, differing()...)
}

// differing has the calls in which weft is not like net, and why.
func differing() []row {
	var all []row
	for _, s := range []string{" 80", "\t80", "\n80"} {
		all = append(all, row{call: "Lookup", host: "::1", service: s, weft: result{Kind: "lookup tcp/" + s + " found: false"},
			reason: "some C libraries pass over blanks, and with them net, when it is built with cgo"})
	}
	all = append(all, row{call: "Lookup", host: "::1", service: "a\x00b", weft: result{Kind: "lookup tcp/a\x00b found: false"},
		reason: "net does not say that there is no such service"})
	for _, n := range []string{"tcp", "tcp6"} {
		const a, reason = "[::1%nosuch]:1", "to net a zone that does not exist is none"
		all = append(all, row{call: "Dial", network: n, host: a, weft: result{Op: "dial " + n, Kind: "connect", Is: "EINVAL"}, reason: reason},
			row{call: "Listen", network: n, host: a, weft: result{Op: "listen " + n, Kind: "bind", Is: "EINVAL"}, reason: reason})
	}
	for _, n := range []string{"udp", "udp4", "unix", "ip:1"} {
		all = append(all, row{call: "Dial", network: n, host: "127.0.0.1:1", weft: result{Op: "dial " + n, Kind: "network " + n},
			reason: "networks that weft does not have"})
	}
	return all
}

// On Windows net makes other calls, "connectex" for one, and its errors name those.
func TestAddressesAreTakenAsInPackageNet(t *testing.T) {
	port := bothFamilies(t)
	all := rows()
	for i := range all {
		r := &all[i]
		r.host = strings.ReplaceAll(r.host, "PORT", port)
		r.net = netOutcome(t, r)
	}
	assert.Greater(t, len(all), 300)
	wefttest.Run(t, func(ctx context.Context) error {
		for _, r := range all {
			r.compare(t, weftOutcome(ctx, r))
		}
		return nil
	})
}

// compare asserts that weft's result is as net's, or differs as it should.
func (r row) compare(t *testing.T, got result) {
	t.Helper()
	want := r.net
	if r.reason != "" {
		assert.NotEqual(t, want, got, "%v: this is as in net, in spite of: %s", r, r.reason)
		want = r.weft
	}
	if asked := "lookup " + r.host + " without a name server"; want.Kind == asked || got.Kind == asked {
		want.Kind, got.Kind = "", ""
	}
	assert.Equal(t, want, got, r)
}

// bothFamilies returns a port of this machine that somebody listens on.
func bothFamilies(t *testing.T) (port string) {
	t.Helper()
	ln, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	_, port, err = net.SplitHostPort(ln.Addr().String())
	require.NoError(t, err)
	return port
}

func netOutcome(t *testing.T, r *row) result {
	t.Helper()
	switch r.call {
	case "Dial":
		c, err := net.DialTimeout(r.network, r.host, 5*time.Second)
		if err != nil {
			return resultOf("", err)
		}
		defer c.Close()
		return resultOf(hostOf(c.RemoteAddr()), nil)
	case "Listen":
		ln, err := net.Listen(r.network, r.host)
		if err != nil {
			return resultOf("", err)
		}
		defer ln.Close()
		return resultOf(listenerOf(ln.Addr()), nil)
	}
	port, err := net.LookupPort("tcp", r.service)
	if err != nil {
		return resultOf("", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupHost(ctx, r.host)
	var addrs []netip.AddrPort
	for _, a := range found {
		addrs = append(addrs, netip.AddrPortFrom(netip.MustParseAddr(a), uint16(port)))
	}
	return resultOf(addrsOf(addrs), err)
}

func weftOutcome(ctx context.Context, r row) result {
	switch r.call {
	case "Dial":
		c, err := weftio.Dial(ctx, r.network, r.host).Await(ctx)
		if err != nil {
			return resultOf("", err)
		}
		defer c.Close()
		return resultOf(hostOf(c.RemoteAddr()), nil)
	case "Listen":
		ln, err := weftio.Listen(ctx, r.network, r.host).Await(ctx)
		if err != nil {
			return resultOf("", err)
		}
		defer ln.Close()
		return resultOf(listenerOf(ln.Addr()), nil)
	}
	found, err := weftio.LookupAddrPort(ctx, r.host, r.service).Await(ctx)
	return resultOf(addrsOf(found), err)
}

func hostOf(a net.Addr) string {
	host, _, _ := net.SplitHostPort(a.String())
	return host
}

// listenerOf returns where a listener is, and which families reach it.
func listenerOf(a net.Addr) string {
	where := hostOf(a)
	_, port, _ := net.SplitHostPort(a.String())
	for _, host := range []string{"127.0.0.1", "::1"} {
		if c, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), 5*time.Second); err == nil {
			where += " from " + host
			c.Close()
		}
	}
	return where
}

// addrsOf returns addresses in order; those of a name may come in any.
func addrsOf(addrs []netip.AddrPort) string {
	var all []string
	for _, a := range addrs {
		all = append(all, a.String())
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), " ")
}
