// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// nevers writes to peers that never read, and that stay. What waits for them comes to an end by itself.
func nevers(w *worker) {
	kinds := []func(w *worker){dropped, aborted, calledOffWithConn}
	for range 1 + w.rnd.IntN(3) {
		kinds[w.rnd.IntN(len(kinds))](w)
	}
}

// dropped has a server with few places send much to many such peers. It gets rid of each, and so serves them all.
func dropped(w *worker) {
	page := make([]byte, 64<<10)
	s := w.serve(func(ctx context.Context, ln *weftio.Listener, opts ...weftio.ServeOption) *weftio.Server {
		return weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error {
			for {
				if err := weftio.WithTimeout(ctx, 5*time.Millisecond, c.Write(page)).Wait(ctx); err != nil {
					return nil
				}
			}
		}, opts...)
	}, weftio.MaxConns(1+w.rnd.IntN(3)), weftio.CloseTimeout(20*time.Millisecond))
	if s == nil {
		return
	}
	address := s.Listener().String()
	stay, leave := context.WithCancel(w.ending[w.home])
	defer leave()
	n := 1 + w.rnd.IntN(5)
	var visits sync.WaitGroup
	for range n {
		w.visit(&visits, address, func(_ *worker, _ *net.TCPConn, _ *rand.Rand, over <-chan struct{}) error {
			<-over
			return nil
		}, stay.Done())
	}
	over := w.watch("nevers: the end of connections whose peers never read")
	for stay.Err() == nil && (s.Served() < n || s.Open() > 0) {
		time.Sleep(time.Millisecond)
	}
	over()
	leave()
	visits.Wait()
	_ = w.settled("Shutdown", s.Shutdown(w.ctx))
}

// staying is a peer that takes connections, reads nothing, and stays until release is called.
func staying(w *worker) (p *peers, release func(), err error) {
	stay, leave := context.WithCancel(w.ending[w.home])
	p, err = newPeers(w, func(*net.TCPConn, *rand.Rand) { <-stay.Done() })
	return p, func() { leave(); p.end() }, err
}

// aborted aborts a connection of which everything is pending.
func aborted(w *worker) {
	p, release, err := staying(w)
	if err != nil {
		w.fail("Listen: %v", err)
		return
	}
	defer release()
	w.task("a task that writes to a peer that never reads", func(ctx context.Context) error {
		c, err := await(ctx, w, "Dial", weftio.Dial(ctx, "tcp", p.address()))
		if err != nil {
			return err
		}
		pending := []promise.Awaitable{c.ReadLine()}
		for piece := make([]byte, 64<<10); len(pending) < 200; {
			full := c.Write(piece)
			if _, err, ok := full.Poll(); ok && err != nil {
				break
			}
			pending = append(pending, full)
			if w.one(8) {
				_ = promise.Pause(ctx).Wait(ctx)
			}
		}
		if w.one(2) {
			pending = append(pending, c.Flush())
		}
		if w.one(2) {
			pending = append(pending, c.CloseWrite())
		}
		if w.one(2) {
			pending = append(pending, c.Close())
		}
		w.elsewhere(func() { _ = w.settled("Abort", c.Abort()) })
		for _, p := range pending {
			over := w.watch("nevers: what waits for an aborted connection")
			_ = p.Wait(context.WithoutCancel(ctx)) // it fails
			over()
		}
		return nil
	})
}

// calledOffWithConn ends the ctx of a WithConn that has much to say.
func calledOffWithConn(w *worker) {
	p, release, err := staying(w)
	if err != nil {
		w.fail("Listen: %v", err)
		return
	}
	defer release()
	ctx, cancel := promise.ContextTimeout(w.ctx, w.upTo(50*time.Millisecond))
	defer cancel()
	_ = w.settled("a WithConn whose ctx ends", weftio.WithConn(ctx, "tcp", p.address(), func(ctx context.Context, c *weftio.Conn) (int, error) {
		for piece := make([]byte, 64<<10); ; {
			if err := c.Write(piece).Wait(ctx); err != nil {
				return 0, err
			}
		}
	}))
}
