// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"fmt"
	stdio "io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// counter is a server of package net that reads each connection to its end, and counts them.
type counter struct {
	ln   net.Listener
	open atomic.Int64 // connections that have not ended
	used atomic.Int64 // connections on which something has come
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &counter{ln: ln}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			s.open.Add(1)
			all.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() {
		ln.Close()
		if s.open.Load() == 0 { // else a connection has leaked, and would be waited for
			all.Wait()
		}
	})
	return s
}

func (s *counter) serve(c net.Conn) {
	defer s.open.Add(-1)
	defer c.Close()
	if n, _ := stdio.Copy(stdio.Discard, c); n > 0 {
		s.used.Add(1)
	}
}

func (s *counter) address() string { return s.ln.Addr().String() }
func (s *counter) byName() string  { return fmt.Sprint("localhost:", s.ln.Addr().(*net.TCPAddr).Port) }

// requireUsedOrClosed checks that all connections that the server has seen have ended, and that so many of them were used.
func (s *counter) requireUsedOrClosed(t *testing.T, ctx context.Context, used int) {
	t.Helper()
	last := promise.Offload(ctx, func(context.Context) (promise.Unit, error) { // the server has seen all others before this one
		c, err := net.Dial("tcp", s.address())
		if err != nil {
			return promise.Unit{}, err
		}
		defer c.Close()
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			return promise.Unit{}, err
		}
		return promise.Unit{}, endOf(c)
	})
	require.NoError(t, last.Wait(ctx))
	within, cancel := promise.ContextTimeout(ctx, 10*time.Second)
	defer cancel()
	for s.open.Load() > 0 {
		require.NoError(t, weftio.Sleep(within, time.Millisecond).Wait(within), "%d connections are open", s.open.Load())
	}
	require.EqualValues(t, used, s.used.Load())
}

// spin passes some time that is too short for a timer.
func spin(d time.Duration) {
	for begin := time.Now(); time.Since(begin) < d; {
	}
}

// ending is a way to end an operation, the later the larger when is, in units of its own. It returns what the program awaits instead of p.
type ending[T any] func(ctx context.Context, when int, p *promise.Promise[T]) *promise.Promise[T]

func endings[T any]() map[string]ending[T] {
	return map[string]ending[T]{
		"WithTimeout": func(ctx context.Context, when int, p *promise.Promise[T]) *promise.Promise[T] {
			promise.Go(ctx, func(ctx context.Context) error { // the longer the turns, the fewer there are until the timeout
				for p.State() == promise.StatePending {
					spin(time.Duration(1000-10*when) * time.Microsecond)
					if err := promise.Pause(ctx).Wait(ctx); err != nil {
						return err
					}
				}
				return nil
			})
			return weftio.WithTimeout(ctx, min(time.Duration(when)*100*time.Microsecond, time.Millisecond), p)
		},
		"Cancel on the loop": func(ctx context.Context, when int, p *promise.Promise[T]) *promise.Promise[T] {
			promise.Go(ctx, func(ctx context.Context) error {
				for range when {
					if err := promise.Pause(ctx).Wait(ctx); err != nil {
						return err
					}
				}
				p.Cancel()
				return nil
			})
			return p
		},
		"Cancel from a goroutine": func(_ context.Context, when int, p *promise.Promise[T]) *promise.Promise[T] {
			go func() {
				spin(time.Duration(when) * time.Microsecond)
				p.Cancel()
			}()
			return p
		},
	}
}

// endAtRandom runs an operation many times, and ends it at random moments, such that about every other one is too late. It returns
// how often the operation came to its end.
func endAtRandom[T any](t *testing.T, ctx context.Context, end ending[T], start func() *promise.Promise[T], use func(T)) (done int) {
	t.Helper()
	const times = 400
	rnd := rand.New(rand.NewPCG(3, 4))
	limit := 10.0
	for range times {
		v, err := end(ctx, rnd.IntN(1+int(limit)), start()).Await(ctx)
		if err != nil {
			require.True(t, errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded), "%v", err)
			limit = min(1.1*limit, 10_000)
			continue
		}
		limit = max(0.9*limit, 1)
		done++
		use(v)
	}
	t.Logf("%d of %d came to their end", done, times)
	return done
}

func TestADialThatIsEndedAtRandomLeavesNoConnection(t *testing.T) {
	for name, end := range endings[*weftio.Conn]() {
		for by, address := range map[string]func(*counter) string{"address": (*counter).address, "name": (*counter).byName} {
			t.Run(name+", by "+by, func(t *testing.T) {
				s := newCounter(t)
				wefttest.Run(t, func(ctx context.Context) error {
					dial := func() *promise.Promise[*weftio.Conn] { return weftio.Dial(ctx, "tcp", address(s)) }
					done := endAtRandom(t, ctx, end, dial, func(c *weftio.Conn) {
						c.WriteString("used")
						assert.NoError(t, c.Close().Wait(ctx))
					})
					s.requireUsedOrClosed(t, ctx, done)
					return nil
				})
			})
		}
	}
}

func TestAWithConnThatIsEndedAtRandomLeavesNoConnection(t *testing.T) {
	wine.Skip(t, "Wine 8 does not always tell the peer of the end of a connection that is withdrawn while it connects")
	toTheEnd := func(ctx context.Context, c *weftio.Conn) (rest []byte, err error) {
		if err := c.CloseWrite().Wait(ctx); err != nil {
			return nil, err
		}
		return c.ReadAll(0).Await(ctx)
	}
	for name, end := range endings[[]byte]() {
		t.Run(name, func(t *testing.T) {
			s := newCounter(t)
			wefttest.Run(t, func(ctx context.Context) error {
				start := func() *promise.Promise[[]byte] { return weftio.WithConn(ctx, "tcp", s.byName(), toTheEnd) }
				endAtRandom(t, ctx, end, start, func(rest []byte) { assert.Empty(t, rest) })
				s.requireUsedOrClosed(t, ctx, 0)
				return nil
			})
		})
	}
}
