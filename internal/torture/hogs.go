// SPDX-License-Identifier: MIT

package main

import (
	"context"
	stdio "io"
	"math/rand/v2"
	"net"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// hogs has tasks await promises that have settled already, without end, until other tasks of the loop have got on.
func hogs(w *worker) {
	p, err := newPeers(w, func(c *net.TCPConn, _ *rand.Rand) {
		_, _ = stdio.Copy(struct{ stdio.Writer }{c}, c) // as it stands, net would splice, by a pipe that it keeps
	})
	if err != nil {
		w.fail("Listen: %v", err)
		return
	}
	w.task("a task that a hog holds up", func(ctx context.Context) error {
		c, err := await(ctx, w, "Dial", weftio.Dial(ctx, "tcp", p.address()))
		if err != nil {
			return err
		}
		over := false
		defer func() { over = true }()
		for range 1 + w.rnd.IntN(3) {
			promise.Go(ctx, func(ctx context.Context) error {
				settled := promise.Resolved(1)
				for !over && ctx.Err() == nil {
					if _, err := settled.Await(ctx); err != nil {
						return err
					}
				}
				return nil
			})
		}
		for range 3 {
			if err := await1(ctx, w, "a Sleep beside a hog", promise.Sleep(ctx, time.Millisecond)); err != nil {
				return err
			}
			c.WriteLine("ping")
			if _, err := await(ctx, w, "a ping beside a hog", c.ReadLine()); err != nil {
				return err
			}
		}
		return await1(ctx, w, "Close", c.Close())
	})
	p.end()
}
