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

// writes writes numbered text to a peer that reads slowly. All of it must arrive, in order, before the end of the stream; when the loop
// ends in the midst, what arrives is how the text begins.
func writes(w *worker) {
	size, read, arrived := 1+w.rnd.IntN(600_000), 0, make(chan struct{}, 1)
	p, err := newPeers(w, func(c *net.TCPConn, rnd *rand.Rand) {
		arrived <- struct{}{}
		t := &text{zero: '0'}
		defer func() { read = t.at }() // there is one connection
		defer w.watch("writes: the end of what a peer reads")()
		for b := make([]byte, 1+size/500+rnd.IntN(50_000)); ; {
			n, err := c.Read(b)
			if problem := t.next(b[:n]); problem != "" {
				w.fail("a slow peer: %s", problem)
				return
			}
			if err != nil {
				if err != stdio.EOF && !w.closing {
					w.fail("a slow peer: %v", err)
				}
				return
			}
			linger(rnd)
		}
	})
	if err != nil {
		w.fail("Listen: %v", err)
		return
	}
	written := false
	w.task("a writer", func(ctx context.Context) error {
		c, err := await(ctx, w, "Dial", weftio.Dial(ctx, "tcp", p.address()))
		if err != nil {
			return err
		}
		err = w.writeAll(ctx, c, (&text{zero: '0'}).from(0, size))
		written = err == nil
		return err
	})
	if written { // all of it may wait with the system still, together with the connection
		over := w.watch("writes: the connection's arrival")
		<-arrived
		over()
	}
	p.end()
	if read != size && !w.closing {
		w.fail("of %d bytes, a slow peer has read %d", size, read)
	}
}

// writeAll writes all in random pieces and closes the connection.
func (w *worker) writeAll(ctx context.Context, c *weftio.Conn, all []byte) error {
	for len(all) > 0 {
		n := min(len(all), 1+w.rnd.IntN(100_000))
		written := c.Write(all[:n])
		all = all[n:]
		var err error
		switch w.rnd.IntN(4) {
		case 0: // it waits for the one before it as well
			n = min(len(all), w.rnd.IntN(20_000))
			written = promise.Join(written, c.Write(all[:n]))
			all = all[n:]
			err = await1(ctx, w, "two Writes", written)
		case 1:
			err = await1(ctx, w, "Flush", c.Flush())
		case 2:
			err = await1(ctx, w, "a Write and a Sleep", promise.Bind(written, func(promise.Unit) *promise.Promise[promise.Unit] {
				return promise.Sleep(ctx, w.upTo(time.Millisecond))
			}))
		default:
			err = await1(ctx, w, "Write", written)
		}
		if err != nil {
			return err
		}
	}
	if w.one(2) {
		if err := await1(ctx, w, "CloseWrite", c.CloseWrite()); err != nil {
			return err
		}
	}
	return await1(ctx, w, "Close", c.Close())
}
