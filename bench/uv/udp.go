// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"net/netip"

	"github.com/weft-go/weft/uv"
)

// datagram has 45 bytes, in five buffers.
var datagram = [][]byte{[]byte("a datagram"), []byte(" that is "), []byte("sent from "), []byte("five buf"), []byte("fers now")}

// pummel is what the sockets of udpPummel share.
type pummel struct {
	toSend, unsent, unreceived int
	sockets                    []*uv.UDP
}

func (p *pummel) stopAtTheEnd() {
	if p.unsent > 0 || p.unreceived > 0 {
		return
	}
	end()
	for _, u := range p.sockets {
		check(u.Close(nil))
	}
}

// sender sends the next datagram when it has heard of the last one.
type sender struct {
	*uv.UDP
	*pummel
	to netip.AddrPort
}

func (s *sender) send() {
	s.toSend--
	check(s.Send(datagram, s.to, s))
}

// Complete implements uv.Completer.
func (s *sender) Complete(ev uv.Event) {
	checkEvent(ev)
	s.unsent--
	if s.toSend > 0 {
		s.send()
	}
	s.stopAtTheEnd()
}

// receiver counts what it receives.
type receiver struct{ *pummel }

// Complete implements uv.Completer.
func (r receiver) Complete(ev uv.Event) {
	checkEvent(ev)
	if len(ev.Data) != 45 {
		log.Fatalf("%q came", ev.Data)
	}
	r.unreceived--
	r.stopAtTheEnd()
}

// udpPummel has senders send datagrams to a receiver each. None gets lost: few are under way.
func udpPummel(n, width int) {
	l := newLoop()
	p := &pummel{toSend: n, unsent: n, unreceived: n}
	var senders []*sender
	for range width {
		in, err := uv.NewUDP(l)
		check(err)
		check(in.Bind(netip.MustParseAddrPort("127.0.0.1:0"), 0))
		check(in.RecvStart(receiver{p}))
		to, err := in.Sockname()
		check(err)
		out, err := uv.NewUDP(l)
		check(err)
		p.sockets = append(p.sockets, in, out)
		senders = append(senders, &sender{out, p, to})
	}
	begin()
	for _, s := range senders {
		s.send()
	}
	run(l)
}
