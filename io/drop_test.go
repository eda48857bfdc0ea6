// SPDX-License-Identifier: MIT

package io_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// Where a client drops its connection. Resets keep the ports from waiting for TCP's timeouts, 50,000 connections being more than
// there are ports.
var drops = []func(c *net.TCPConn) error{
	func(c *net.TCPConn) error { return nil }, // at once
	func(c *net.TCPConn) error { return say(c, "half a li") },
	func(c *net.TCPConn) error { return say(c, "a line whose answer nobody reads\n") },
	func(c *net.TCPConn) error { return converse(c) },
	func(c *net.TCPConn) error { // with the answer still to come
		_ = say(c, "a line\nanother\nand half of ano")
		return c.CloseWrite()
	},
	func(c *net.TCPConn) error { // in order
		err := converse(c)
		_ = c.CloseWrite()
		_, _ = c.Read(make([]byte, 1))
		return err
	},
}

func say(c net.Conn, s string) error {
	_, err := c.Write([]byte(s))
	return err
}

func converse(c net.Conn) error {
	if err := say(c, "hello\n"); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && line != "hello\n" {
		err = fmt.Errorf("got %q for hello", line)
	}
	return err
}

// dropOne connects and drops the connection at the given point.
func dropOne(address string, point int) error {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	tcp := c.(*net.TCPConn)
	if err := drops[point](tcp); err != nil {
		return fmt.Errorf("point %d: %w", point, err)
	}
	return tcp.SetLinger(0)
}

// dropMany opens n connections and drops each, many at a time.
func dropMany(address string, n int, seed uint64) error {
	var wg sync.WaitGroup
	errs := make(chan error, n)
	rnd := rand.New(rand.NewPCG(seed, 0))
	const atATime = 100
	for worker := range atATime {
		var points []int
		for i := worker; i < n; i += atATime {
			points = append(points, rnd.IntN(len(drops)))
		}
		wg.Go(func() {
			for _, p := range points {
				if err := dropOne(address, p); err != nil {
					errs <- err
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

func TestAThousandConnectionsDroppedAtRandomFiftyTimes(t *testing.T) {
	rounds := 50
	if testing.Short() || wine.Running() { // which takes 10 ms a connection
		rounds = 1
	}
	for style, serve := range map[string]func(ctx context.Context, ln *weftio.Listener) *weftio.Server{
		"task": func(ctx context.Context, ln *weftio.Listener) *weftio.Server {
			return weftio.Serve(ctx, ln, echo, weftio.OnConnError(func(*weftio.Conn, error) {}))
		},
		"callback": func(ctx context.Context, ln *weftio.Listener) *weftio.Server {
			return weftio.ServeCallback(ctx, ln, func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
				return c.Each(c.Write)
			}, weftio.LazyStart(), weftio.OnConnError(func(*weftio.Conn, error) {}))
		},
	} {
		t.Run(style, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				srv := serve(ctx, listen(t, ctx, "tcp4"))
				address := srv.Listener().String()
				for round := range rounds {
					_, err := promise.Offload(ctx, func(context.Context) (int, error) {
						return 0, dropMany(address, 1000, uint64(round))
					}).Await(ctx)
					require.NoError(t, err, "seed %d", round)
				}
				c := dial(t, ctx, srv) // behind all others
				c.WriteLine("still here")
				line, err := c.ReadLine().Await(ctx)
				require.NoError(t, err)
				assert.Equal(t, "still here", line)
				require.NoError(t, c.Close().Wait(ctx))
				until(t, ctx, func() bool { return srv.Open() == 0 })
				if !wine.Running() { // which keeps to itself what was reset early
					assert.Greater(t, srv.Served(), 900*rounds)
				}
				return srv.Shutdown(ctx).Wait(ctx)
			})
		})
	}
}

// The clients are weft's too here, and are cancelled wherever they are.
func TestClientsCancelledAtRandomLeaveNothing(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp4"), echo, weftio.OnConnError(func(*weftio.Conn, error) {}))
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			var all []*promise.Promise[string]
			for range 100 {
				p := weftio.WithConn(ctx, "tcp", srv.Listener().String(), func(ctx context.Context, c *weftio.Conn) (string, error) {
					c.WriteLine("hello")
					return c.ReadLine().Await(ctx)
				})
				turns := rnd.IntN(8)
				promise.Go(ctx, func(ctx context.Context) error {
					for range turns {
						if err := promise.Pause(ctx).Wait(ctx); err != nil {
							return err
						}
					}
					p.CancelCause(errTest)
					return nil
				})
				all = append(all, p)
			}
			results, err := promise.AllSettled(all...).Await(ctx)
			require.NoError(t, err)
			for _, r := range results {
				if r.Err != nil {
					require.ErrorIs(t, r.Err, context.Canceled)
					require.ErrorIs(t, r.Err, errTest)
				} else {
					require.Equal(t, "hello", r.Value)
				}
			}
		}
		until(t, ctx, func() bool { return srv.Open() == 0 })
		return srv.Shutdown(ctx).Wait(ctx)
	})
}
