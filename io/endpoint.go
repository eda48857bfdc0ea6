// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/weft-go/weft/promise"
)

// endpoint is an address of Dial or Listen, taken apart. As a net.Addr it is what the program
// wrote.
type endpoint struct {
	network, address string
	host, service    string
}

// endpointOf checks a network's name and takes an address apart. An address without a host has the
// one that stands for every address of this machine.
func endpointOf(network, address string) (endpoint, error) {
	e := endpoint{network: network, address: address}
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return e, fmt.Errorf("%w: the networks are tcp, tcp4 and tcp6", net.UnknownNetworkError(network))
	}
	if address != "" {
		var err error
		if e.host, e.service, err = net.SplitHostPort(address); err != nil {
			return e, err
		}
	}
	if e.host == "" {
		e.host = everyAddress(network).String()
	}
	return e, nil
}

func everyAddress(network string) netip.Addr {
	if network == "tcp6" {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// Network implements net.Addr.
func (e endpoint) Network() string { return e.network }

// String implements net.Addr.
func (e endpoint) String() string { return e.address }

// fail is an error of an operation on the endpoint, before it has come to one of its addresses.
func (e endpoint) fail(op string, err error) error {
	if e.address == "" {
		return opError(op, e.network, nil, nil, err)
	}
	return opError(op, e.network, nil, e, err)
}

// lookup finds the endpoint's addresses.
func (e endpoint) lookup(ctx context.Context) *promise.Promise[[]netip.AddrPort] {
	return lookupAddrPort(ctx, e.network, e.host, e.service)
}

// whenFound has f called with what a lookup finds: at once if that is there, for a promise without
// a loop would hand f to whatever loop this is, which may end first.
func whenFound(p *promise.Promise[[]netip.AddrPort], f func([]netip.AddrPort, error)) {
	if addrs, err, ok := p.Poll(); ok {
		f(addrs, err)
		return
	}
	p.OnSettle(f)
}

// explain is the error of an operation on the endpoint that ends because of cause while the lookup
// is under way.
func (e endpoint) explain(op string, cause error) error {
	return e.fail(op, unfinishedLookup(e.host, cause))
}

// suitable returns those of the addresses found that are of the network's family. As in package
// net, "::" stands for both families, and an IPv4 address in IPv6's clothes is an IPv4 address.
func (e endpoint) suitable(found []netip.AddrPort) ([]netip.AddrPort, error) {
	if len(found) == 1 && found[0].Addr() == netip.IPv6Unspecified() {
		found = append(found[:1:1], netip.AddrPortFrom(netip.IPv4Unspecified(), found[0].Port()))
	}
	var all []netip.AddrPort
	for _, a := range found {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if e.network == "tcp" || a.Addr().Is4() == strings.HasSuffix(e.network, "4") {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found: the network is " + e.network, Addr: e.host}
	}
	return all, nil
}

// toListen returns the addresses for Listen to try until one can be bound, of the addresses found:
// as in package net the first IPv4 address, and for all addresses of the machine a socket of both
// families, where the machine has IPv6.
func (e endpoint) toListen(found []netip.AddrPort) ([]netip.AddrPort, error) {
	all, err := e.suitable(found)
	if err != nil {
		return nil, err
	}
	first := all[0]
	for _, a := range all {
		if a.Addr().Is4() {
			first = a
			break
		}
	}
	if e.network == "tcp" && first.Addr().IsUnspecified() {
		return []netip.AddrPort{
			netip.AddrPortFrom(netip.IPv6Unspecified(), first.Port()),
			netip.AddrPortFrom(netip.IPv4Unspecified(), first.Port()),
		}, nil
	}
	return []netip.AddrPort{first}, nil
}

// familyOf returns 4 or 6.
func familyOf(a netip.AddrPort) int {
	if a.Addr().Is4() {
		return 4
	}
	return 6
}
