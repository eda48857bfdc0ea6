// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"unsafe"
)

type addr = C.weft_addr

// addrFrom is an address as C has it. A zone is an interface's name or number.
func addrFrom(a netip.AddrPort) (ca addr, err error) {
	ip := a.Addr()
	if !ip.IsValid() {
		return ca, EINVAL
	}
	ca.port = C.uint16_t(a.Port())
	if ip.Is4() {
		ca.family = C.WEFT_IPV4
		for i, b := range ip.As4() {
			ca.ip[i] = C.uint8_t(b)
		}
		return ca, nil
	}
	ca.family = C.WEFT_IPV6
	for i, b := range ip.As16() {
		ca.ip[i] = C.uint8_t(b)
	}
	if zone := ip.Zone(); zone != "" {
		scope, err := scopeOf(zone)
		if err != nil {
			return ca, err
		}
		ca.scope = scope
	}
	return ca, nil
}

// scopeOf is a zone's number. A zone that no interface has is EINVAL to errors.Is.
func scopeOf(zone string) (C.uint32_t, error) {
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		return C.uint32_t(n), nil
	}
	i, err := net.InterfaceByName(zone)
	var sys *os.SyscallError
	switch {
	case errors.As(err, &sys):
		return 0, sys
	case err != nil:
		return 0, fmt.Errorf("no network interface has the name %q: %w", zone, EINVAL)
	}
	return C.uint32_t(i.Index), nil
}

// addrTo is a C address as netip has it: invalid for a family that is neither IPv4 nor IPv6.
func addrTo(ca *addr) netip.AddrPort {
	in := unsafe.Slice((*byte)(unsafe.Pointer(&ca.ip[0])), len(ca.ip))
	var ip netip.Addr
	switch ca.family {
	case C.WEFT_IPV4:
		ip = netip.AddrFrom4([4]byte(in[:4]))
	case C.WEFT_IPV6:
		ip = netip.AddrFrom16([16]byte(in))
		if ca.scope != 0 {
			ip = ip.WithZone(zoneOf(int(ca.scope)))
		}
	default:
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, uint16(ca.port))
}

func zoneOf(scope int) string {
	if i, err := net.InterfaceByIndex(scope); err == nil {
		return i.Name
	}
	return strconv.Itoa(scope)
}

// takeAddrs frees the n addresses that a record carries and returns those of a family that it knows.
func (l *Loop) takeAddrs(p unsafe.Pointer, n int64) []netip.AddrPort {
	var known []netip.AddrPort
	all := unsafe.Slice((*addr)(p), n)
	for i := range all {
		if a := addrTo(&all[i]); a.IsValid() {
			known = append(known, a)
		}
	}
	C.weft_addrs_free(l.ptr, p, C.uint64_t(n))
	return known
}
