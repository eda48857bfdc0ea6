// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"net/netip"

	"github.com/weft-go/weft/uv"
)

// pound is what the clients of tcpPound share.
type pound struct {
	l        *uv.Loop
	addr     netip.AddrPort
	out      uv.Buffer
	left     int // connections to make
	unclosed int // connections to close
	stop     func()
}

// The Completers of a client: told that it is connected, of what it reads, and that it is closed.
type (
	client struct {
		uv.TCP
		*pound
	}
	clientRead   client
	clientClosed client
)

// connect makes the next client, unless there were enough.
func (p *pound) connect() {
	if p.left == 0 {
		return
	}
	p.left--
	c := &client{pound: p}
	check(c.Init(p.l))
	check(c.Connect(p.addr, c))
}

// Complete implements uv.Completer.
func (c *client) Complete(ev uv.Event) {
	checkEvent(ev)
	check(c.Write(c.out, len("QS"), succeeds{}))
	check(c.ReadStart((*clientRead)(c)))
}

// Complete implements uv.Completer.
func (c *clientRead) Complete(ev uv.Event) {
	if ev.Status != uv.EOF {
		log.Fatalf("%d bytes came, and status %v", len(ev.Data), ev.Status)
	}
	check(c.Close((*clientClosed)(c)))
}

// Complete implements uv.Completer.
func (c *clientClosed) Complete(uv.Event) {
	if c.unclosed--; c.unclosed == 0 {
		c.stop()
	}
	c.connect()
}

// once closes its connection when a request has come.
type once struct{ *uv.TCP }

// Complete implements uv.Completer.
func (o once) Complete(ev uv.Event) {
	checkEvent(ev)
	check(o.Close(nil))
}

// tcpPound has clients connect, write two bytes, and connect anew once the server has closed the connection.
func tcpPound(n, width int) {
	l := newLoop()
	server, addr := listen(l, width, func(t *uv.TCP) { check(t.ReadStart(once{t})) })
	p := &pound{l: l, addr: addr, out: bytesOf(l, "QS"), left: n, unclosed: n, stop: func() {
		end()
		check(server.Close(nil))
	}}
	begin()
	for range width {
		p.connect()
	}
	run(l)
	p.out.Free()
}
