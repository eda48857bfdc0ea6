// SPDX-License-Identifier: MIT

package main

import (
	"net"

	weftio "github.com/weft-go/weft/io"
)

// listens notes a listener of one of the loops: nobody listens there when the loops have ended.
func (o *round) listens(ln *weftio.Listener) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ports = append(o.ports, ln.String())
}

// checkPorts checks that nobody listens on the loops' ports.
func (o *round) checkPorts() {
	for _, address := range o.ports {
		if c, err := net.Dial("tcp", address); err == nil {
			_ = c.Close()
			o.fail("%s, a port of a closed loop, takes a connection", address)
		}
	}
}
