// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// resetting has n peers speak and reset their connections.
func resetting(ctx context.Context, srv *weftio.Server, n int) error {
	return promise.Offload(ctx, func(context.Context) (promise.Unit, error) {
		for range n {
			c, err := net.Dial("tcp", srv.Listener().String())
			if err != nil {
				return promise.Unit{}, err
			}
			_, _ = c.Write([]byte("x\n"))
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
		return promise.Unit{}, nil
	}).Wait(ctx)
}

func TestPeersThatResetAreCountedAndNotReported(t *testing.T) {
	wine.Skip(t, "Wine 8 has an end come before a reset that nobody was reading for")
	const peers = 300
	for name, handler := range map[string]func(ctx context.Context, c *weftio.Conn) error{
		"the handler returns the error": func(ctx context.Context, c *weftio.Conn) error { return c.ReadAll(0).Wait(ctx) },
		"the handler looks at nothing": func(ctx context.Context, c *weftio.Conn) error {
			_ = c.ReadAll(0).Wait(ctx)
			for range 3 {
				c.WriteLine("hello")
				c.Flush()
				if err := promise.Pause(ctx).Wait(ctx); err != nil {
					return err
				}
			}
			return nil
		},
		"a task of the handler's": func(ctx context.Context, c *weftio.Conn) error {
			promise.Go(ctx, func(ctx context.Context) error { return c.ReadAll(0).Wait(ctx) })
			return weftio.Sleep(ctx, 50e6).Wait(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), handler)
				require.NoError(t, resetting(ctx, srv, peers))
				until(t, ctx, func() bool { return srv.Open() == 0 && srv.Served() == peers })
				assert.Equal(t, weftio.ServerStats{Accepted: peers, Broken: peers}, srv.Stats())
				return srv.Shutdown(ctx).Wait(ctx)
			}, weftio.OnError(func(err error) { t.Error("reported: ", err) }))
		})
	}
}

func TestPeersThatHangUpOrSayNothingAreCounted(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), func(ctx context.Context, c *weftio.Conn) error {
			return promise.WithTimeout(ctx, 5e6, c.ReadLine()).Wait(ctx)
		})
		quiet := dial(t, ctx, srv)
		assert.Equal(t, weftio.EOF, quiet.ReadLine().Wait(ctx))
		ends := dial(t, ctx, srv)
		require.NoError(t, ends.Close().Wait(ctx))
		require.NoError(t, quiet.Close().Wait(ctx))
		until(t, ctx, func() bool { return srv.Open() == 0 })
		assert.Equal(t, weftio.ServerStats{Accepted: 2, TimedOut: 1, Ended: 1}, srv.Stats())
		return srv.Shutdown(ctx).Wait(ctx)
	}, weftio.OnError(func(err error) { t.Error("reported: ", err) }))
}

// failing is a handler.
func failing(context.Context, *weftio.Conn) error { return errTest }

func TestReportsNameTheHandler(t *testing.T) {
	var reported []error
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), failing)
		c := dial(t, ctx, srv)
		assert.Equal(t, weftio.EOF, c.ReadLine().Wait(ctx))
		until(t, ctx, func() bool { return srv.Open() == 0 })
		assert.Equal(t, weftio.ServerStats{Accepted: 1, Failed: 1}, srv.Stats())
		require.NoError(t, c.Close().Wait(ctx))
		return srv.Shutdown(ctx).Wait(ctx)
	}, weftio.OnError(func(err error) { reported = append(reported, err) }))
	require.Len(t, reported, 1)
	assert.ErrorIs(t, reported[0], errTest)
	assert.ErrorContains(t, reported[0], "weftio: handler github.com/weft-go/weft/io_test.failing, serving 127.0.0.1:")
}

func TestHandlersHearOfShutdown(t *testing.T) {
	for _, lazy := range []bool{false, true} {
		wefttest.Run(t, func(ctx context.Context) error {
			opts := []weftio.ServeOption{weftio.OnConnError(func(_ *weftio.Conn, err error) { t.Error("reported: ", err) })}
			if lazy {
				opts = append(opts, weftio.LazyStart())
			}
			srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), func(ctx context.Context, c *weftio.Conn) error {
				srv := weftio.ServerFrom(ctx)
				c.WriteLine("hello")
				if err := srv.Closing().Wait(ctx); err != nil {
					return err
				}
				c.WriteLine("goodbye")
				return nil
			}, opts...)
			c := dial(t, ctx, srv)
			c.WriteLine("x")
			require.NoError(t, c.ReadLine().Wait(ctx))
			assert.Equal(t, promise.StatePending, srv.Closing().State())
			end := srv.Shutdown(ctx)
			line, err := c.ReadLine().Await(ctx)
			require.NoError(t, err)
			assert.Equal(t, "goodbye", line)
			require.NoError(t, end.Wait(ctx))
			assert.Equal(t, promise.StateFulfilled, srv.Closing().State())
			assert.Nil(t, weftio.ServerFrom(ctx))
			return c.Close().Wait(ctx)
		})
	}
}

// TestNoHandlerBeginsAfterShutdown shuts a server down at every turn after a connection has come.
func TestNoHandlerBeginsAfterShutdown(t *testing.T) {
	for _, opts := range [][]weftio.ServeOption{nil, {weftio.LazyStart()}} {
		wefttest.Run(t, func(ctx context.Context) error {
			for turns := range 40 {
				shut := false
				srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), func(ctx context.Context, c *weftio.Conn) error {
					assert.False(t, shut, "turn %d", turns)
					return nil
				}, opts...)
				p, err := net.Dial("tcp", srv.Listener().String()) // the system has the connection now
				require.NoError(t, err)
				for range turns {
					require.NoError(t, promise.Pause(ctx).Wait(ctx))
				}
				require.NoError(t, srv.Shutdown(ctx).Wait(ctx))
				shut = true
				assert.Zero(t, srv.Open(), "turn %d", turns)
				require.NoError(t, weftio.Sleep(ctx, 1e6).Wait(ctx))
				p.Close()
			}
			return nil
		})
	}
}
