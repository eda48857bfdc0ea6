// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"net/netip"

	"github.com/weft-go/weft/uv"
)

// What the cases over TCP share. Both ends of every connection are on one loop, so that there is no other process to wait
// for.

// listen listens, and has serve told of each connection. It returns the address too.
func listen(l *uv.Loop, backlog int, serve func(*uv.TCP)) (*uv.TCP, netip.AddrPort) {
	t, err := uv.NewTCP(l)
	check(err)
	check(t.Bind(netip.MustParseAddrPort("127.0.0.1:0"), 0))
	check(t.Listen(backlog, uv.CompleterFunc(func(ev uv.Event) {
		checkEvent(ev)
		conn := &uv.TCP{}
		check(t.Accept(conn))
		serve(conn)
	})))
	addr, err := t.Sockname()
	check(err)
	return t, addr
}

// discard reads a connection until it ends, and closes it.
type discard struct{ *uv.TCP }

// Complete implements uv.Completer.
func (d discard) Complete(ev uv.Event) {
	if ev.Status == uv.EOF {
		check(d.Close(nil))
		return
	}
	checkEvent(ev)
}

func discardAll(t *uv.TCP) { check(t.ReadStart(discard{t})) }

// succeeds is told of what must not fail, and is not waited for.
type succeeds struct{}

// Complete implements uv.Completer.
func (succeeds) Complete(ev uv.Event) { checkEvent(ev) }

// checkEvent ends the program if the event tells of an error.
func checkEvent(ev uv.Event) {
	if ev.Status != 0 {
		log.Fatal(ev.Status)
	}
}

// bytesOf returns C memory that holds s.
func bytesOf(l *uv.Loop, s string) uv.Buffer {
	b := l.Buffer(len(s))
	copy(b.Bytes(), s)
	return b
}
