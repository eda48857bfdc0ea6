// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	weftio "github.com/weft-go/weft/io"
)

// The system's buffers hold some MiB of what nobody reads. What goes far beyond them is in this process.
const floodLimit = 40 << 20

// floods reads a little from a peer that sends as much as it can, and then nothing. The peer must have to wait.
func floods(w *worker) {
	var sent atomic.Int64
	piece := make([]byte, 256<<10)
	p, err := newPeers(w, func(c *net.TCPConn, _ *rand.Rand) {
		defer w.watch("floods: the end of a flood")()
		for {
			n, err := c.Write(piece)
			if sent.Add(int64(n)); err != nil || sent.Load() > floodLimit {
				return
			}
		}
	})
	if err != nil {
		w.fail("Listen: %v", err)
		return
	}
	w.task("a task that does not read", func(ctx context.Context) error {
		c, err := await(ctx, w, "Dial", weftio.Dial(ctx, "tcp", p.address()))
		if err != nil {
			return err
		}
		for range 1 + w.rnd.IntN(3) {
			if _, err := await(ctx, w, "Read", c.Read(1+w.rnd.IntN(100))); err != nil {
				return err
			}
		}
		for before := int64(-1); before != sent.Load(); { // until the peer waits
			before = sent.Load()
			if err := await1(ctx, w, "Sleep", weftio.Sleep(ctx, 20*time.Millisecond)); err != nil {
				return err
			}
		}
		return await1(ctx, w, "Close", c.Close())
	})
	p.end()
	if n := sent.Load(); n > floodLimit {
		w.fail("a peer could send %d MiB that nobody has read", n>>20)
	}
}
