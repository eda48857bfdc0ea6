// SPDX-License-Identifier: MIT

//go:build !unix

package main

import (
	"net"
	"net/netip"
)

// descriptors counts the process's open descriptors: none where the system does not list them.
func descriptors() int { return 0 }

// listensOn reports whether this process listens on port: where the system does not list its descriptors, whether somebody does.
func listensOn(port uint16) bool {
	c, err := net.Dial("tcp", netip.AddrPortFrom(netip.IPv6Loopback(), port).String())
	if err == nil {
		_ = c.Close()
	}
	return err == nil
}

// limitDescriptors lets the process have no more than n descriptors, until restore is called. This system has no such limit.
func limitDescriptors(int) (restore func()) { return func() {} }
