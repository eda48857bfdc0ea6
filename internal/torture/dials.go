// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	stdio "io"
	"math/rand/v2"
	"net"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// dials dials by means that give up early, and closes each connection that it gets. So each one that the peer has seen must end.
func dials(w *worker) {
	p, err := newPeers(w, func(c *net.TCPConn, _ *rand.Rand) {
		defer w.watch("dials: the end of a connection that the peer has accepted")()
		_, _ = stdio.Copy(stdio.Discard, c)
	})
	if err != nil {
		w.fail("Listen: %v", err)
		return
	}
	addresses := []string{p.address(), fmt.Sprintf("localhost:%d", p.ln.Addr().(*net.TCPAddr).Port)}
	n := 1 + w.rnd.IntN(40)
	w.task("a task that dials", func(ctx context.Context) error {
		var closed []*promise.Promise[promise.Unit]
		for range n {
			err := w.dialOnce(ctx, addresses[w.rnd.IntN(2)], func(c *weftio.Conn) { closed = append(closed, c.Close()) })
			if err != nil && (ctx.Err() != nil || !calledOff(err)) {
				return err
			}
		}
		_, err := await(ctx, w, "the Closes of what was dialled", promise.AllSettled(closed...))
		return err
	})
	p.end()
}

// dialOnce dials, and calls got with each connection that it gets.
func (w *worker) dialOnce(ctx context.Context, address string, got func(c *weftio.Conn)) error {
	p := weftio.Dial(ctx, "tcp", address)
	switch w.rnd.IntN(6) {
	case 0:
	case 1:
		p = weftio.WithTimeout(ctx, w.upTo(2*time.Millisecond), p)
	case 2:
		p = promise.Pick(p, weftio.Dial(ctx, "tcp", address))
	case 3:
		p = promise.Pick(p, weftio.WithTimeout(ctx, w.upTo(2*time.Millisecond), weftio.Dial(ctx, "tcp", address)))
	case 4:
		short, cancel := promise.ContextTimeout(ctx, w.upTo(2*time.Millisecond))
		defer cancel()
		w.elsewhere(cancel)
		c, err := await(short, w, "a Dial under a ctx that ends", p)
		if err == nil {
			got(c)
		}
		return err
	case 5:
		b := promise.Bind(p, func(c *weftio.Conn) *promise.Promise[promise.Unit] {
			got(c)
			return promise.Resolved(promise.Unit{})
		})
		w.elsewhere(b.Cancel)
		return await1(ctx, w, "a Bind of Dial that is cancelled", b)
	}
	c, err := await(ctx, w, "Dial", p)
	if err == nil {
		got(c)
	}
	return err
}
