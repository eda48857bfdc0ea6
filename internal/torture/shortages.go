// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	weftio "github.com/weft-go/weft/io"
)

// shortages has a server run out of descriptors while connections wait to be accepted. They are held back: when there are descriptors
// again each is answered.
func shortages(w *worker) {
	if err := startWith(w.rnd.IntN(8)); err != nil {
		w.fail("%v", err)
	}
	var ln *weftio.Listener
	w.task("a task that listens", func(ctx context.Context) (err error) {
		if ln, err = await(ctx, w, "Listen", weftio.Listen(ctx, "tcp", "127.0.0.1:0")); err == nil {
			w.listens(ln)
		}
		return err
	})
	if ln == nil {
		return
	}
	var connected, answered sync.WaitGroup
	for i := range 1 + w.rnd.IntN(60) {
		connected.Add(1)
		answered.Go(func() {
			if err := w.introduce(ln.String(), i, connected.Done); err != nil && !w.closing {
				w.fail("client %d: %v", i, err)
			}
		})
	}
	connected.Wait()
	restore := limitDescriptors(descriptors() + w.rnd.IntN(20))
	defer restore()
	s := weftio.Serve(w.ctx, ln, func(ctx context.Context, c *weftio.Conn) error {
		line, err := c.ReadLine().Await(ctx)
		if err != nil {
			return err
		}
		return c.WriteLine(line).Wait(ctx)
	}, weftio.OnConnError(func(c *weftio.Conn, err error) {
		if c != nil {
			w.fail("a handler ended with %v", err)
		}
	}))
	time.Sleep(w.upTo(20 * time.Millisecond))
	restore()
	answered.Wait()
	_ = w.settled("Shutdown", s.Shutdown(w.ctx))
}

// startWith starts and closes a loop with the given number of descriptors to be had. It may fail, and that is all.
func startWith(few int) error {
	defer limitDescriptors(descriptors() + few)()
	l, err := weftio.Start()
	if err != nil {
		return nil
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("a loop that was started with %d descriptors: Close: %w", few, err)
	}
	return nil
}
