// SPDX-License-Identifier: MIT

package main

import (
	"strings"

	"github.com/weft-go/weft/uv"
)

// batch is told of the writes of tcpWriteBatch.
type batch struct {
	left int
	stop func()
}

// Complete implements uv.Completer.
func (b *batch) Complete(ev uv.Event) {
	checkEvent(ev)
	if b.left--; b.left == 0 {
		b.stop()
	}
}

// tcpWriteBatch asks for all writes, of 13 bytes, at once.
func tcpWriteBatch(n, _ int) {
	l := newLoop()
	server, addr := listen(l, 1, discardAll)
	t, err := uv.NewTCP(l)
	check(err)
	const hello = "Hello, world."
	out := bytesOf(l, hello)
	b := &batch{left: n, stop: func() {
		end()
		check(t.Close(nil))
		check(server.Close(nil))
		out.Free()
	}}
	check(t.Connect(addr, uv.CompleterFunc(func(ev uv.Event) {
		checkEvent(ev)
		begin()
		for range n {
			check(t.Write(out, len(hello), b))
		}
	})))
	run(l)
}

// pumped is how much each write of tcpPump has.
const pumped = 8 << 10

// pump is what the connections of tcpPump share.
type pump struct {
	out    uv.Buffer
	toSend int // writes to ask for
	left   int // writes to hear of
	stop   func()
}

// pumping is one of them, told of its writes.
type pumping struct {
	*uv.TCP
	*pump
}

func (p *pumping) write() {
	if p.toSend == 0 {
		check(p.Close(nil))
		return
	}
	p.toSend--
	check(p.Write(p.out, pumped, p))
}

// Complete implements uv.Completer.
func (p *pumping) Complete(ev uv.Event) {
	checkEvent(ev)
	if p.left--; p.left == 0 {
		p.stop()
	}
	p.write()
}

// tcpPump has each of the connections write 8 KiB again and again.
func tcpPump(n, width int) {
	l := newLoop()
	server, addr := listen(l, width, discardAll)
	shared := &pump{out: bytesOf(l, strings.Repeat("x", pumped)), toSend: n, left: n, stop: func() {
		end()
		check(server.Close(nil))
	}}
	conns := make([]*pumping, 0, width)
	start := uv.CompleterFunc(func(ev uv.Event) {
		checkEvent(ev)
		if width--; width > 0 {
			return
		}
		begin()
		for _, p := range conns {
			p.write()
		}
	})
	for range width {
		t, err := uv.NewTCP(l)
		check(err)
		check(t.Connect(addr, start))
		conns = append(conns, &pumping{t, shared})
	}
	run(l)
	shared.out.Free()
}
