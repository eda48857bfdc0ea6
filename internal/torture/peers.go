// SPDX-License-Identifier: MIT

package main

import (
	"math/rand/v2"
	"net"
	"sync"
	"time"
)

// peers are the connections that a listener of package net takes, each served on a goroutine of its own.
type peers struct {
	w       *worker
	ln      net.Listener
	serving sync.WaitGroup
}

// newPeers listens and serves. Each connection is closed when serve returns.
func newPeers(w *worker, serve func(c *net.TCPConn, rnd *rand.Rand)) (*peers, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &peers{w: w, ln: ln}
	rnd := w.fork()
	p.serving.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			own := rand.New(rand.NewPCG(rnd.Uint64(), 0))
			p.serving.Go(func() {
				defer c.Close()
				serve(c.(*net.TCPConn), own)
			})
		}
	})
	return p, nil
}

func (p *peers) address() string { return p.ln.Addr().String() }

// end stops listening and waits until every connection has been served.
func (p *peers) end() {
	_ = p.ln.Close()
	defer p.w.watch(p.w.job.name + ": the end of the peers' connections")()
	p.serving.Wait()
}

// dialPeer connects to a listener of a loop, with package net.
func (w *worker) dialPeer(address string) (*net.TCPConn, error) {
	defer w.watch(w.job.name + ": a peer's Dial")()
	c, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil
}

// reset closes a connection so that its peer sees a reset.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// tell writes n bytes of a text in random pieces, some of them after a pause.
func tell(c net.Conn, rnd *rand.Rand, t *text, n int) error {
	all := t.from(0, n)
	for len(all) > 0 {
		piece := all[:min(len(all), 1+rnd.IntN(3*lineLength))]
		if rnd.IntN(20) == 0 {
			piece = all[:min(len(all), 1+rnd.IntN(20_000))]
		}
		if _, err := c.Write(piece); err != nil {
			return err
		}
		all = all[len(piece):]
		if rnd.IntN(4) == 0 {
			time.Sleep(time.Duration(rnd.IntN(1500)) * time.Microsecond)
		}
	}
	return nil
}
