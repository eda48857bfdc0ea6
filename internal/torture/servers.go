// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	stdio "io"
	"math/rand/v2"
	"net"
	"sync"
	"syscall"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// styles are ways to write an echo server.
var styles = []func(ctx context.Context, ln *weftio.Listener, opts ...weftio.ServeOption) *weftio.Server{
	func(ctx context.Context, ln *weftio.Listener, opts ...weftio.ServeOption) *weftio.Server {
		return weftio.ServeCallback(ctx, ln, func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
			return c.Each(c.Write)
		}, opts...)
	},
	func(ctx context.Context, ln *weftio.Listener, opts ...weftio.ServeOption) *weftio.Server {
		return weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error {
			for {
				b, err := c.Read(16 << 10).Await(ctx)
				if err == nil {
					err = c.Write(b).Wait(ctx)
				}
				if err != nil {
					return unlessEOF(err)
				}
			}
		}, opts...)
	},
	func(ctx context.Context, ln *weftio.Listener, opts ...weftio.ServeOption) *weftio.Server {
		return weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error { // it does not look at its writes
			for {
				b, err := c.Read(4 << 10).Await(ctx)
				if err != nil {
					return unlessEOF(err)
				}
				if err := c.Flush().Wait(ctx); err != nil {
					return err
				}
				c.Write(b)
			}
		}, opts...)
	},
}

func unlessEOF(err error) error {
	if errors.Is(err, stdio.EOF) {
		return nil
	}
	return err
}

// conducts are what peers of a server do, until over is closed at the latest.
var conducts = []func(w *worker, c *net.TCPConn, rnd *rand.Rand, over <-chan struct{}) error{
	flood, flood, neverRead, resetAnywhere, halfClose, stayQuiet, trickle,
}

// flood sends as much as it can and reads it all.
func flood(_ *worker, c *net.TCPConn, _ *rand.Rand, over <-chan struct{}) error {
	go func() {
		<-over
		_ = c.Close()
	}()
	go func() { _, _ = stdio.Copy(stdio.Discard, c) }()
	piece := make([]byte, 64<<10)
	for {
		if _, err := c.Write(piece); err != nil {
			return nil
		}
	}
}

// neverRead sends much and reads nothing of the echo.
func neverRead(_ *worker, c *net.TCPConn, rnd *rand.Rand, over <-chan struct{}) error {
	go func() { _, _ = c.Write(make([]byte, 16<<20)) }()
	select {
	case <-over:
	case <-time.After(time.Duration(rnd.IntN(100)) * time.Millisecond):
	}
	reset(c)
	return nil
}

// resetAnywhere resets the connection at once, or in the midst of what it says.
func resetAnywhere(_ *worker, c *net.TCPConn, rnd *rand.Rand, _ <-chan struct{}) error {
	_, _ = c.Write(make([]byte, rnd.IntN(10_000)))
	linger(rnd)
	reset(c)
	return nil
}

// halfClose says something, ends its side, and reads the echo to the end.
func halfClose(_ *worker, c *net.TCPConn, rnd *rand.Rand, _ <-chan struct{}) error {
	said := (&text{zero: '0'}).from(0, rnd.IntN(50_000))
	go func() {
		_, _ = c.Write(said)
		_ = c.CloseWrite()
	}()
	echo, err := stdio.ReadAll(c)
	if err != nil || len(echo) != len(said) {
		return fmt.Errorf("the echo of %d bytes has %d: %v", len(said), len(echo), err)
	}
	return nil
}

// stayQuiet connects and says nothing.
func stayQuiet(_ *worker, c *net.TCPConn, rnd *rand.Rand, over <-chan struct{}) error {
	select {
	case <-over:
	case <-time.After(time.Duration(rnd.IntN(100)) * time.Millisecond):
	}
	return nil
}

// trickle sends text in small pieces, and checks that its echo is the same.
func trickle(_ *worker, c *net.TCPConn, rnd *rand.Rand, _ <-chan struct{}) error {
	n := rnd.IntN(100 * lineLength)
	go func() { _ = tell(c, rnd, &text{zero: '0'}, n) }()
	echo := make([]byte, n)
	if _, err := stdio.ReadFull(c, echo); err != nil {
		return err
	}
	if problem := (&text{zero: '0'}).next(echo); problem != "" {
		return errors.New(problem)
	}
	return nil
}

// servers serves peers of every conduct. Those that ping must be answered while others flood.
func servers(w *worker) {
	var opts []weftio.ServeOption
	if w.one(3) {
		opts = append(opts, weftio.LazyStart())
	}
	if w.one(3) {
		opts = append(opts, weftio.MaxConns(8+w.rnd.IntN(8)))
	}
	s := w.serve(styles[w.rnd.IntN(len(styles))], opts...)
	if s == nil {
		return
	}
	address := s.Listener().String()
	over, end := context.WithCancel(w.ending[w.home]) // what the others have to say keeps no loop from its end
	defer end()
	var others, pingers sync.WaitGroup
	for range w.rnd.IntN(8) {
		w.visit(&others, address, conducts[w.rnd.IntN(len(conducts))], over.Done())
	}
	for range 1 + w.rnd.IntN(4) {
		w.visit(&pingers, address, ping, over.Done())
	}
	pingers.Wait()
	end()
	others.Wait()
	_ = w.settled("Shutdown", s.Shutdown(w.ctx))
	if n := s.Open(); n > 0 && !w.closing {
		w.fail("%d connections are open after Shutdown", n)
	}
}

// serve starts a server; nil when the loop is closed. Its errors go to the loop, where none may come: what peers do is none.
func (w *worker) serve(style func(ctx context.Context, ln *weftio.Listener, opts ...weftio.ServeOption) *weftio.Server,
	opts ...weftio.ServeOption) (s *weftio.Server) {
	w.task("a task that serves", func(ctx context.Context) error {
		ln, err := await(ctx, w, "Listen", weftio.Listen(ctx, "tcp", "127.0.0.1:0"))
		if err == nil {
			w.listens(ln)
			s = style(w.ctx, ln, opts...)
		}
		return err
	})
	return s
}

// visit has a peer connect and do something on a goroutine of its own.
func (w *worker) visit(wg *sync.WaitGroup, address string, conduct func(w *worker, c *net.TCPConn, rnd *rand.Rand, over <-chan struct{}) error,
	over <-chan struct{}) {
	rnd := w.fork()
	wg.Go(func() {
		linger(rnd)
		c, err := w.dialPeer(address)
		if w.job.name == "nevers" && errors.Is(err, syscall.ECONNRESET) {
			return // its server got rid of it before this goroutine had a processor
		}
		if err == nil {
			defer c.Close()
			defer w.watch(w.job.name + ": a peer's visit")()
			err = conduct(w, c, rnd, over)
		}
		if err != nil && !w.closing {
			w.fail("a peer: %v", err)
		}
	})
}

// ping sends a few lines, one after the other, and waits for the echo of each.
func ping(w *worker, c *net.TCPConn, rnd *rand.Rand, _ <-chan struct{}) error {
	r := bufio.NewReader(c)
	for i := range 1 + rnd.IntN(5) {
		line := fmt.Sprintf("ping %d\n", i)
		if _, err := c.Write([]byte(line)); err != nil {
			return err
		}
		over := w.watch(w.job.name + ": the answer to a ping")
		echo, err := r.ReadString('\n')
		if over(); err != nil || echo != line {
			return fmt.Errorf("the echo of %q is %q, %v", line, echo, err)
		}
	}
	return nil
}
