// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

func TestServerReportsHandlersAndLivesOn(t *testing.T) {
	var reported []error
	wefttest.Run(t, func(ctx context.Context) error {
		ln := listen(t, ctx, "tcp")
		srv := weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error {
			line, err := c.ReadLine().Await(ctx)
			switch line {
			case "panic":
				panic("in a handler")
			case "fail":
				return errTest
			}
			c.WriteString("fine") // flushed when the handler has returned
			return err
		}, weftio.OnConnError(func(_ *weftio.Conn, err error) { reported = append(reported, err) }))
		for word, want := range map[string]string{"panic": "", "fail": "", "ok": "fine"} {
			b, err := weftio.WithConn(ctx, "tcp", ln.String(), func(ctx context.Context, c *weftio.Conn) ([]byte, error) {
				c.WriteLine(word)
				return c.ReadAll(0).Await(ctx)
			}).Await(ctx)
			require.NoError(t, err)
			assert.Equal(t, want, string(b), word)
		}
		assert.Equal(t, 3, srv.Served())
		return srv.Shutdown(ctx).Wait(ctx)
	})
	require.Len(t, reported, 2)
	err := errors.Join(reported...)
	var perr *promise.PanicError
	assert.ErrorAs(t, err, &perr)
	assert.ErrorIs(t, err, errTest)
}

func TestShutdownCutsOffWhoDoesNotEnd(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		ln := listen(t, ctx, "tcp")
		srv := weftio.Serve(ctx, ln, echo)
		c, err := weftio.Dial(ctx, "tcp", ln.String()).Await(ctx)
		require.NoError(t, err)
		c.WriteLine("x")
		require.NoError(t, c.ReadLine().Wait(ctx))
		short, cancel := promise.ContextTimeout(ctx, 5*time.Millisecond)
		defer cancel()
		err = srv.Shutdown(short).Wait(ctx)
		assert.ErrorIs(t, err, promise.ErrTimeout)
		assert.ErrorContains(t, err, c.LocalAddr().String())
		assert.Equal(t, weftio.EOF, c.ReadLine().Wait(ctx))
		return c.Close().Wait(ctx)
	})
}

// dial returns a connection to a server.
func dial(t *testing.T, ctx context.Context, srv *weftio.Server) *weftio.Conn {
	t.Helper()
	c, err := weftio.Dial(ctx, "tcp", srv.Listener().String()).Await(ctx)
	require.NoError(t, err)
	return c
}

// until waits for a condition of the loop's.
func until(t *testing.T, ctx context.Context, cond func() bool) {
	t.Helper()
	for !cond() {
		require.NoError(t, weftio.Sleep(ctx, time.Millisecond).Wait(ctx))
	}
}

func TestCutOffNamesThePeersAndTheCause(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), func(ctx context.Context, c *weftio.Conn) error {
			c.Write(make([]byte, 32<<20)) // flushing this takes a peer that reads
			return nil
		})
		c := dial(t, ctx, srv)
		until(t, ctx, func() bool { return srv.Open() == 1 })
		soon, cancel := context.WithCancelCause(ctx)
		cancel(errTest)
		err := srv.Shutdown(soon).Wait(ctx)
		var cut *weftio.CutOffError
		require.ErrorAs(t, err, &cut)
		assert.Equal(t, []net.Addr{c.LocalAddr()}, cut.Peers)
		assert.ErrorIs(t, err, errTest)
		until(t, ctx, func() bool { return srv.Open() == 0 })
		return c.Close().Wait(ctx)
	}, weftio.OnError(func(error) {}))
}

func TestEveryShutdownWaitsForTheSameEnd(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), echo)
		c := dial(t, ctx, srv)
		until(t, ctx, func() bool { return srv.Open() == 1 })
		first, second := srv.Shutdown(ctx), srv.Shutdown(ctx)
		c.WriteLine("still served")
		line, err := c.ReadLine().Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "still served", line)
		require.NoError(t, c.Close().Wait(ctx))
		require.NoError(t, first.Wait(ctx))
		require.NoError(t, second.Wait(ctx))
		require.NoError(t, srv.Shutdown(ctx).Wait(ctx))
		return nil
	})
}

func TestServeCallbackServesWithoutTasks(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.ServeCallback(ctx, listen(t, ctx, "tcp"), func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
			return c.Each(c.Write)
		})
		tasks := weftio.LoopFrom(ctx).Stats().Tasks
		c := dial(t, ctx, srv)
		c.WriteLine("hello")
		line, err := c.ReadLine().Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "hello", line)
		assert.Equal(t, tasks, weftio.LoopFrom(ctx).Stats().Tasks)
		require.NoError(t, c.CloseWrite().Wait(ctx))
		assert.Equal(t, weftio.EOF, c.ReadLine().Wait(ctx)) // the promise settled: the connection is closed
		require.NoError(t, c.Close().Wait(ctx))
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

func TestWhatCallbackHandlersDoInsteadOfReturning(t *testing.T) {
	for name, test := range map[string]struct {
		handler func() *promise.Promise[promise.Unit]
		want    string
	}{
		"nothing":   {func() *promise.Promise[promise.Unit] { return nil }, ""},
		"a panic":   {func() *promise.Promise[promise.Unit] { panic("in a handler") }, "in a handler"},
		"Goexit":    {func() *promise.Promise[promise.Unit] { runtime.Goexit(); return nil }, "Goexit"},
		"rejection": {func() *promise.Promise[promise.Unit] { return promise.Rejected[promise.Unit](errTest) }, errTest.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			var reported []error
			wefttest.Run(t, func(ctx context.Context) error {
				srv := weftio.ServeCallback(ctx, listen(t, ctx, "tcp"), func(context.Context, *weftio.Conn) *promise.Promise[promise.Unit] {
					return test.handler()
				}, weftio.OnConnError(func(_ *weftio.Conn, err error) { reported = append(reported, err) }))
				c := dial(t, ctx, srv)
				assert.Equal(t, weftio.EOF, c.ReadLine().Wait(ctx))
				c.Close()
				return srv.Shutdown(ctx).Wait(ctx)
			})
			if test.want == "" {
				assert.Empty(t, reported)
				return
			}
			require.Len(t, reported, 1)
			assert.ErrorContains(t, reported[0], test.want)
		})
	}
}

func TestEndOfContextEndsServersOfBothStyles(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		serving, stop := context.WithCancel(ctx)
		tasks := weftio.Serve(serving, listen(t, ctx, "tcp"), echo)
		callbacks := weftio.ServeCallback(serving, listen(t, ctx, "tcp"), func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
			return c.Each(c.Write)
		})
		lazy := weftio.Serve(serving, listen(t, ctx, "tcp"), echo, weftio.LazyStart())
		var conns []*weftio.Conn
		for _, srv := range []*weftio.Server{tasks, callbacks, lazy} {
			conns = append(conns, dial(t, ctx, srv))
			until(t, ctx, func() bool { return srv.Open() == 1 })
		}
		stop()
		for _, c := range conns {
			assert.Equal(t, weftio.EOF, c.ReadLine().Wait(ctx))
			require.NoError(t, c.Close().Wait(ctx))
		}
		for _, srv := range []*weftio.Server{tasks, callbacks, lazy} {
			until(t, ctx, func() bool { return srv.Open() == 0 })
			assert.ErrorIs(t, srv.Listener().Accept().Wait(ctx), net.ErrClosed)
		}
		return nil
	})
}

func TestLazyStartStartsAtTheFirstByteTheEndOrAFailure(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		started := make(chan error, 3)
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), func(ctx context.Context, c *weftio.Conn) error {
			line, err := c.ReadLine().Await(ctx)
			started <- err
			c.WriteLine(line)
			return nil
		}, weftio.LazyStart(), weftio.OnConnError(func(*weftio.Conn, error) {}))
		loop := weftio.LoopFrom(ctx)
		tasks := loop.Stats().Tasks
		speaks, ends := dial(t, ctx, srv), dial(t, ctx, srv)
		resets, err := net.Dial("tcp", srv.Listener().String())
		require.NoError(t, err)
		until(t, ctx, func() bool { return srv.Open() == 3 })
		assert.Equal(t, tasks, loop.Stats().Tasks, "nobody has spoken")

		speaks.WriteLine("hello")
		line, err := speaks.ReadLine().Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "hello", line, "the handler has seen every byte")
		assert.NoError(t, <-started)
		require.NoError(t, ends.CloseWrite().Wait(ctx))
		until(t, ctx, func() bool { return len(started) == 1 })
		assert.Equal(t, weftio.EOF, <-started)
		require.NoError(t, resets.(*net.TCPConn).SetLinger(0))
		resets.Close()
		until(t, ctx, func() bool { return len(started) == 1 })
		assert.Error(t, <-started)
		speaks.Close()
		ends.Close()
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

func TestShutdownClosesSilentConnectionsAtOnce(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), echo, weftio.LazyStart())
		silent := dial(t, ctx, srv)
		until(t, ctx, func() bool { return srv.Open() == 1 })
		require.NoError(t, srv.Shutdown(ctx).Wait(ctx))
		assert.Equal(t, weftio.EOF, silent.ReadLine().Wait(ctx))
		return silent.Close().Wait(ctx)
	})
}

func TestFirstByteTimeoutClosesWhoSaysNothing(t *testing.T) {
	var reported []error
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), echo, weftio.FirstByteTimeout(30*time.Millisecond),
			weftio.OnConnError(func(c *weftio.Conn, err error) { assert.NotNil(t, c); reported = append(reported, err) }))
		first, speaks := dial(t, ctx, srv), dial(t, ctx, srv)
		speaks.WriteLine("in time")
		require.NoError(t, speaks.ReadLine().Wait(ctx))
		assert.Equal(t, weftio.EOF, first.ReadLine().Wait(ctx))
		second := dial(t, ctx, srv) // after the first timer is through
		assert.Equal(t, weftio.EOF, second.ReadLine().Wait(ctx))
		speaks.WriteLine("later") // who has spoken may be silent for longer
		require.NoError(t, speaks.ReadLine().Wait(ctx))
		for _, c := range []*weftio.Conn{first, second, speaks} {
			c.Close()
		}
		return srv.Shutdown(ctx).Wait(ctx)
	})
	require.Len(t, reported, 2)
	assert.ErrorIs(t, errors.Join(reported...), promise.ErrTimeout)
}

func TestMaxConnsBoundsWhatIsOpen(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		most := 0
		var srv *weftio.Server
		srv = weftio.Serve(ctx, listen(t, ctx, "tcp"), func(ctx context.Context, c *weftio.Conn) error {
			most = max(most, srv.Open())
			return echo(ctx, c)
		}, weftio.MaxConns(3))
		var all []*promise.Promise[string]
		for range 20 {
			all = append(all, weftio.WithConn(ctx, "tcp", srv.Listener().String(), func(ctx context.Context, c *weftio.Conn) (string, error) {
				c.WriteLine("hello")
				return c.ReadLine().Await(ctx)
			}))
		}
		lines, err := promise.All(all...).Await(ctx)
		require.NoError(t, err)
		assert.Len(t, lines, 20)
		assert.Equal(t, 3, most)
		assert.Equal(t, 20, srv.Served())
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

func TestShutdownEndsAServerThatWaitsForRoom(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), echo, weftio.MaxConns(1))
		served, waits := dial(t, ctx, srv), dial(t, ctx, srv)
		until(t, ctx, func() bool { return srv.Open() == 1 })
		end := srv.Shutdown(ctx)
		served.Close()
		require.NoError(t, end.Wait(ctx))
		assert.Error(t, waits.ReadLine().Wait(ctx), "closed with the listener")
		waits.Close()
		assert.Equal(t, 1, srv.Served())
		return nil
	})
}

func TestAServerWhoseContextHasEndedClosesItsListener(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		ended, end := context.WithCancel(ctx)
		for _, before := range []bool{true, false} {
			ln := listen(t, ctx, "tcp")
			if before {
				end()
			}
			weftio.Serve(ended, ln, echo)
			end()
			assert.ErrorIs(t, ln.Accept().Wait(ctx), net.ErrClosed)
			ended, end = context.WithCancel(ctx)
		}
		end()
		return nil
	})
}

func TestTheEndOfTheLoopEndsAShutdown(t *testing.T) {
	l, ctx := wefttest.Start(t)
	var end *promise.Promise[promise.Unit]
	require.NoError(t, promise.Go(ctx, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), func(ctx context.Context, c *weftio.Conn) error {
			return c.Each(c.Write).Wait(context.WithoutCancel(ctx)) // the peer says nothing
		})
		c := dial(t, l.Context(context.Background()), srv)
		until(t, ctx, func() bool { return srv.Open() == 1 })
		t.Cleanup(func() { c.Close() })
		end = srv.Shutdown(l.Context(context.Background()))
		return srv.Closing().Wait(ctx) // it waits for the handler now
	}).Wait(ctx))
	require.NoError(t, closeLoop(l))
	assert.ErrorIs(t, end.Wait(context.Background()), promise.ErrLoopClosed)
}
