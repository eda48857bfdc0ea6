// SPDX-License-Identifier: MIT

package main

import (
	"net/netip"

	weftio "github.com/weft-go/weft/io"
)

// listens notes a listener of one of the loops: nobody listens there when the loops have ended.
func (o *round) listens(ln *weftio.Listener) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ports = append(o.ports, ln.String())
}

// checkPorts checks that this process listens on none of the loops' ports. Another process may have got one of them since.
func (o *round) checkPorts() {
	for _, address := range o.ports {
		if listensOn(netip.MustParseAddrPort(address).Port()) {
			o.fail("the process still listens on %s, a port of a closed loop", address)
		}
	}
}
