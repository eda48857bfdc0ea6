// SPDX-License-Identifier: MIT

package io_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// spinning keeps ctx's loop busy for ever with promises that settle each other.
func spinning(ctx context.Context) {
	var next func()
	next = func() {
		p, r := promise.New[int](ctx)
		p.OnSettle(func(_ int, err error) {
			if err == nil {
				next()
			}
		})
		r.Resolve(1)
	}
	next()
}

func TestPromisesThatSettleEachOtherKeepIOAndTimersGoing(t *testing.T) {
	require.NoError(t, weftio.Run(context.Background(), func(ctx context.Context) error {
		ln, err := weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
		require.NoError(t, err)
		server := weftio.Serve(ctx, ln, func(_ context.Context, c *weftio.Conn) error {
			line, err := c.ReadLine().Await(ctx)
			c.WriteLine(line)
			return err
		})
		spinning(ctx)
		line, err := weftio.WithConn(ctx, "tcp", ln.String(), func(ctx context.Context, c *weftio.Conn) (string, error) {
			c.WriteLine("hello")
			return c.ReadLine().Await(ctx)
		}).Await(ctx)
		assert.NoError(t, err)
		assert.Equal(t, "hello", line)
		assert.NoError(t, weftio.Sleep(ctx, time.Millisecond).Wait(ctx))
		return server.Shutdown(ctx).Wait(ctx)
	}))
}

// ping has the server at an address echo a byte, as a peer that has little to say; it waits ten seconds at most.
func ping(address string) error {
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Write([]byte{1}); err != nil {
		return err
	}
	_, err = c.Read(make([]byte, 1))
	return err
}

// fullSpeed has n peers send to an address as fast as they can, until the test is over.
func fullSpeed(t *testing.T, address string, n int) {
	t.Helper()
	for range n {
		c, err := net.Dial("tcp", address)
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() })
		go func() {
			for b := make([]byte, 1<<20); err == nil; {
				_, err = c.Write(b)
			}
		}()
	}
}

func TestPeersAtFullSpeedLeaveTheOthersTheirTurn(t *testing.T) {
	answer := func(c *weftio.Conn, piece []byte) *promise.Promise[promise.Unit] {
		if len(piece) == 1 {
			return c.Write(piece)
		}
		return nil
	}
	for name, serve := range map[string]func(ctx context.Context, ln *weftio.Listener) *weftio.Server{
		"callbacks": func(ctx context.Context, ln *weftio.Listener) *weftio.Server {
			return weftio.ServeCallback(ctx, ln, func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
				return c.Each(func(piece []byte) *promise.Promise[promise.Unit] { return answer(c, piece) })
			})
		},
		"tasks": func(ctx context.Context, ln *weftio.Listener) *weftio.Server {
			return weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error {
				for buf := make([]byte, 64<<10); ; {
					n, err := c.ReadInto(buf).Await(ctx)
					if err != nil {
						return nil // of any kind
					}
					answer(c, buf[:n])
				}
			})
		},
	} {
		for _, senders := range []int{1, 4, 40} {
			t.Run(fmt.Sprintf("%s, %d of them", name, senders), func(t *testing.T) {
				wefttest.Run(t, func(ctx context.Context) error {
					srv := serve(ctx, listen(t, ctx, "tcp"))
					address := srv.Listener().String()
					_, err := promise.Offload(ctx, func(context.Context) (promise.Unit, error) {
						fullSpeed(t, address, senders)
						for range 50 {
							if err := ping(address); err != nil {
								return promise.Unit{}, err
							}
						}
						return promise.Unit{}, nil
					}).Await(ctx)
					assert.NoError(t, err)
					ended, cancel := context.WithCancel(ctx)
					cancel()
					_ = srv.Shutdown(ended).Wait(ctx) // the peers would go on
					return nil
				}, weftio.OnError(func(error) {}))
			})
		}
	}
}

// fed returns read, which takes a byte each time, but for what keeps the buffer of c full: its peer sends back what it gets.
func fed(ctx context.Context, c *weftio.Conn, read func()) func() {
	reads := 0
	return func() {
		if reads++; reads%20_000 == 0 {
			_ = c.Write(bytes.Repeat([]byte{'\n'}, 20_000)).Wait(ctx)
		}
		read()
	}
}

// A task that only finds what is settled, or reads from a full buffer, lets timers and other tasks run.
func TestATaskThatNeverWaitsLeavesTheLoopToTheOthers(t *testing.T) {
	const most = 100_000_000 // far more than fit into the millisecond that is slept
	for name, prepare := range map[string]func(ctx context.Context, c *weftio.Conn) (step func()){
		"promises that have settled": func(ctx context.Context, _ *weftio.Conn) func() {
			p := promise.Resolved(1)
			return func() { _, _ = p.Await(ctx) }
		},
		"writes of nothing": func(ctx context.Context, c *weftio.Conn) func() {
			return func() { _ = c.Write(nil).Wait(ctx) }
		},
		"reads from a full buffer": func(ctx context.Context, c *weftio.Conn) func() {
			r := c.Reader(ctx)
			var b [1]byte
			return fed(ctx, c, func() { _, _ = r.Read(b[:]) })
		},
		"lines from a full buffer, under a std context": func(ctx context.Context, c *weftio.Conn) func() {
			ctx = context.WithoutCancel(ctx)
			return fed(ctx, c, func() { _, _ = c.ReadLine().Await(ctx) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				ln, err := weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
				require.NoError(t, err)
				server := weftio.ServeCallback(ctx, ln, func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
					return c.Each(c.Write)
				})
				c, err := weftio.Dial(ctx, "tcp", ln.String()).Await(ctx)
				require.NoError(t, err)
				require.NoError(t, c.Write(bytes.Repeat([]byte{'\n'}, 60_000)).Wait(ctx))
				step := prepare(ctx, c)
				step() // what the server has sent is there
				ticks := 0
				ticker := promise.Go(ctx, func(ctx context.Context) error {
					for ; ticks < 3; ticks++ {
						if err := weftio.Sleep(ctx, time.Millisecond).Wait(ctx); err != nil {
							return err
						}
					}
					return nil
				})
				for n := 0; ticker.State() == promise.StatePending && n < most; n++ {
					step()
				}
				assert.Equal(t, 3, ticks)
				c.Abort()
				return server.Shutdown(ctx).Wait(ctx)
			})
		})
	}
}
