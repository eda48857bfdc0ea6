// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// shutdowns ends servers while peers come. After Shutdown no connection is open, no handler begins, and nobody listens.
func shutdowns(w *worker) {
	for range 1 + w.rnd.IntN(5) {
		w.shutDownOnce()
	}
}

func (w *worker) shutDownOnce() {
	var over atomic.Bool
	var opts []weftio.ServeOption
	if w.one(2) {
		opts = append(opts, weftio.LazyStart())
	}
	s := w.serve(func(ctx context.Context, ln *weftio.Listener, opts ...weftio.ServeOption) *weftio.Server {
		return weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error {
			if over.Load() {
				w.fail("a handler begins after Shutdown")
			}
			return weftio.Sleep(ctx, time.Millisecond).Wait(ctx)
		}, opts...)
	}, opts...)
	if s == nil {
		return
	}
	address := s.Listener().String()
	for range 1 + w.rnd.IntN(10) {
		rnd := w.fork()
		w.errands.Go(func() {
			linger(rnd)
			if c, err := w.dialPeer(address); err == nil { // the server may be gone
				if rnd.IntN(2) == 0 {
					_, _ = c.Write([]byte("hello\n"))
				}
				linger(rnd)
				_ = c.Close()
			}
		})
	}
	linger(w.rnd)
	limit, cancel := w.ctx, context.CancelFunc(func() {})
	if w.one(3) {
		limit, cancel = promise.ContextTimeout(w.ctx, w.upTo(2*time.Millisecond))
	}
	defer cancel()
	err := w.settled("Shutdown", s.Shutdown(limit))
	over.Store(true)
	var cut *weftio.CutOffError
	if w.closing || errors.As(err, &cut) {
		return
	}
	if n := s.Open(); n > 0 || err != nil {
		w.fail("after Shutdown %d connections are open: %v", n, err)
	}
	if c, err := net.Dial("tcp", address); err == nil {
		_ = c.Close()
		w.fail("after Shutdown %s takes a connection", address)
	}
}
