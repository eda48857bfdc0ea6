// SPDX-License-Identifier: MIT

package main

import (
	"log"

	"github.com/weft-go/weft/uv"
)

const ping = "PING\n"

// pinger is the client of pingPongs, told of what it reads.
type pinger struct {
	*uv.TCP
	out  uv.Buffer
	left int // pings to send
	got  int // bytes of the pong that is under way
	stop func()
}

func (p *pinger) ping() {
	p.left--
	check(p.Write(p.out, len(ping), succeeds{}))
}

// Complete implements uv.Completer.
func (p *pinger) Complete(ev uv.Event) {
	checkEvent(ev)
	for _, b := range ev.Data {
		if b != ping[p.got%len(ping)] {
			log.Fatalf("%q came back", ev.Data)
		}
		p.got++
	}
	if p.got < len(ping) {
		return
	}
	p.got = 0
	if p.left > 0 {
		p.ping()
	} else {
		p.stop()
	}
}

// echo sends back what it reads.
type echo struct{ *uv.TCP }

// Complete implements uv.Completer.
func (e echo) Complete(ev uv.Event) {
	if ev.Status != 0 {
		discard(e).Complete(ev)
		return
	}
	check(e.Send(ev.Data, false, succeeds{}))
}

// pingPongs has five bytes go to a server and come back, over one connection.
func pingPongs(n, _ int) {
	l := newLoop()
	server, addr := listen(l, 1, func(t *uv.TCP) { check(t.ReadStart(echo{t})) })
	t, err := uv.NewTCP(l)
	check(err)
	p := &pinger{TCP: t, out: bytesOf(l, ping), left: n}
	p.stop = func() {
		end()
		check(p.Close(nil))
		check(server.Close(nil))
		p.out.Free()
	}
	check(p.Connect(addr, uv.CompleterFunc(func(ev uv.Event) {
		checkEvent(ev)
		check(p.ReadStart(p))
		begin()
		p.ping()
	})))
	run(l)
}
