// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"sync"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// starves has a server swallow what peers send as fast as they can, and answer the others' pings meanwhile.
func starves(w *worker) {
	s := w.serve(func(ctx context.Context, ln *weftio.Listener, opts ...weftio.ServeOption) *weftio.Server {
		return weftio.ServeCallback(ctx, ln, func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
			return c.Each(func(piece []byte) *promise.Promise[promise.Unit] {
				if len(piece) < 100 {
					return c.Write(piece)
				}
				return nil
			})
		}, opts...)
	})
	if s == nil {
		return
	}
	address := s.Listener().String()
	over, end := context.WithCancel(w.ending[w.home])
	defer end()
	var floods, pings sync.WaitGroup
	for range 1 + w.rnd.IntN(3) {
		w.visit(&floods, address, flood, over.Done())
	}
	for range 1 + w.rnd.IntN(3) {
		w.visit(&pings, address, ping, over.Done())
	}
	pings.Wait()
	end()
	floods.Wait()
	_ = w.settled("Shutdown", s.Shutdown(w.ctx))
}
