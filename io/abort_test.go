// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	stdio "io"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// much is more than the system's buffers and the hard limit take together.
const much = 32 << 20

// endOf reads to the end of what a peer gets, and returns how it ends: nil at EOF.
func endOf(p net.Conn) error {
	_, err := stdio.Copy(stdio.Discard, p)
	return err
}

// resetFor checks that the peer is reset, and not told that it has got everything.
func resetFor(t *testing.T, ctx context.Context, p net.Conn) {
	t.Helper()
	err := promise.Offload(ctx, func(context.Context) (promise.Unit, error) { return promise.Unit{}, endOf(p) }).Wait(ctx)
	if runtime.GOOS != "windows" {
		assert.ErrorIs(t, err, syscall.ECONNRESET)
	}
}

func TestAbortResetsThePeerAndSettlesEverything(t *testing.T) {
	for name, before := range map[string]func(c *weftio.Conn) []promise.Awaitable{
		"nothing": func(*weftio.Conn) []promise.Awaitable { return nil },
		"a read":  func(c *weftio.Conn) []promise.Awaitable { return []promise.Awaitable{c.ReadLine()} },
		"a write": func(c *weftio.Conn) []promise.Awaitable { return []promise.Awaitable{c.Write(make([]byte, much))} },
		"a flush": func(c *weftio.Conn) []promise.Awaitable {
			c.Write(make([]byte, much))
			return []promise.Awaitable{c.Flush()}
		},
		"a close": func(c *weftio.Conn) []promise.Awaitable {
			c.Write(make([]byte, much))
			return []promise.Awaitable{c.Close()}
		},
		"the end of write": func(c *weftio.Conn) []promise.Awaitable {
			c.Write(make([]byte, much))
			return []promise.Awaitable{c.CloseWrite()}
		},
		"all of it": func(c *weftio.Conn) []promise.Awaitable {
			read, write := c.ReadAll(0), c.Write(make([]byte, much))
			return []promise.Awaitable{read, write, c.Flush(), c.CloseWrite(), c.Close()}
		},
	} {
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				c, p := peer(t, ctx)
				pending := before(c)
				require.NoError(t, weftio.Sleep(ctx, time.Millisecond).Wait(ctx)) // what the system takes has left
				end := c.Abort()
				for i, w := range pending {
					assert.ErrorIs(t, w.Wait(ctx), net.ErrClosed, i)
				}
				require.NoError(t, end.Wait(ctx))
				require.NoError(t, c.Abort().Wait(ctx), "twice is harmless")
				if name != "a close" && name != "all of it" {
					require.NoError(t, c.Close().Wait(ctx), "so is Close")
				}
				assert.ErrorIs(t, c.ReadLine().Wait(ctx), net.ErrClosed)
				assert.ErrorIs(t, c.WriteString("x").Wait(ctx), net.ErrClosed)
				resetFor(t, ctx, p)
				return nil
			}, weftio.OnError(func(err error) { t.Error("reported: ", err) }))
		})
	}
}

func TestAbortFromAnyGoroutineAndAfterTheEnd(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := peer(t, ctx)
		line := c.ReadLine()
		go c.Abort()
		assert.ErrorIs(t, line.Wait(ctx), net.ErrClosed)
		require.NoError(t, c.Abort().Wait(ctx))
		resetFor(t, ctx, p)

		closed, _ := peer(t, ctx)
		require.NoError(t, closed.Close().Wait(ctx))
		require.NoError(t, closed.Abort().Wait(ctx), "what is closed stays so")
		require.NoError(t, closed.Close().Wait(ctx))
		return nil
	})
}

func TestTheLoopsEndResetsWhatItCannotFlush(t *testing.T) {
	l, err := weftio.Start(weftio.Grace(20*time.Millisecond), weftio.OnError(func(error) {}))
	require.NoError(t, err)
	c, p := peer(t, l.Context(context.Background()))
	write, end := c.Write(make([]byte, much)), c.Close()
	_ = l.Close() // it does not wait for the peer
	ctx := context.Background()
	assert.Error(t, write.Wait(ctx))
	assert.Error(t, end.Wait(ctx))
	if runtime.GOOS != "windows" {
		assert.ErrorIs(t, endOf(p), syscall.ECONNRESET)
	}
}

// deaf returns a client of a server that never reads, with small buffers.
func deaf(t *testing.T, srv *weftio.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", srv.Listener().String())
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.(*net.TCPConn).SetReadBuffer(4096))
	return c
}

func TestCloseTimeoutEndsAFlushThatThePeerDoesNotRead(t *testing.T) {
	for name, handler := range map[string]func(ctx context.Context, c *weftio.Conn) error{
		"after the handler": func(_ context.Context, c *weftio.Conn) error { c.Write(make([]byte, much)); return nil },
		"in the handler": func(ctx context.Context, c *weftio.Conn) error {
			c.Write(make([]byte, much))
			return c.Close().Wait(ctx)
		},
		"a shutdown": func(_ context.Context, c *weftio.Conn) error { c.Write(make([]byte, much)); c.CloseWrite(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				var reported []error
				srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), handler, weftio.CloseTimeout(40*time.Millisecond),
					weftio.OnConnError(func(_ *weftio.Conn, err error) { reported = append(reported, err) }))
				p := deaf(t, srv)
				until(t, ctx, func() bool { return srv.Served() == 1 && srv.Open() == 0 })
				require.Len(t, reported, 1)
				assert.ErrorIs(t, reported[0], os.ErrDeadlineExceeded)
				assert.ErrorContains(t, reported[0], "40ms")
				var op *net.OpError
				require.ErrorAs(t, reported[0], &op)
				assert.True(t, op.Timeout())
				assert.Equal(t, weftio.ServerStats{Accepted: 1, TimedOut: 1}, srv.Stats())
				resetFor(t, ctx, p)
				return srv.Shutdown(ctx).Wait(ctx)
			})
		})
	}
}

func TestCloseTimeoutLeavesASlowReaderEverything(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), func(_ context.Context, c *weftio.Conn) error {
			c.Write(make([]byte, much))
			return nil
		}, weftio.CloseTimeout(500*time.Millisecond))
		p, err := net.Dial("tcp", srv.Listener().String())
		require.NoError(t, err)
		defer p.Close()
		got, err := promise.Offload(ctx, func(context.Context) (n int64, err error) {
			for err == nil { // some 1.5 s for all of it
				var k int64
				k, err = stdio.CopyN(stdio.Discard, p, 1<<20)
				n += k
				time.Sleep(50 * time.Millisecond)
			}
			if err == stdio.EOF {
				err = nil
			}
			return n, err
		}).Await(ctx)
		require.NoError(t, err)
		assert.EqualValues(t, much, got)
		assert.Zero(t, srv.Stats().TimedOut)
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

func TestPlacesOfPeersThatNeverReadComeBack(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp"), func(ctx context.Context, c *weftio.Conn) error {
			line, err := c.ReadLine().Await(ctx)
			if line == "much" {
				_ = promise.WithTimeout(ctx, 10*time.Millisecond, c.Write(make([]byte, much))).Wait(ctx)
			}
			c.WriteLine(line)
			return err
		}, weftio.MaxConns(2), weftio.CloseTimeout(40*time.Millisecond), weftio.OnConnError(func(*weftio.Conn, error) {}))
		for range 6 {
			_, err := deaf(t, srv).Write([]byte("much\n"))
			require.NoError(t, err)
		}
		c := dial(t, ctx, srv)
		c.WriteLine("hello")
		line, err := c.ReadLine().Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "hello", line)
		require.NoError(t, c.Close().Wait(ctx))
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

func TestWithConnAbortsWhenItsContextEnds(t *testing.T) {
	for name, f := range map[string]func(ctx context.Context, c *weftio.Conn) (promise.Unit, error){
		"in f": func(ctx context.Context, c *weftio.Conn) (promise.Unit, error) {
			return c.Write(make([]byte, much)).Await(ctx)
		},
		"in the flush": func(_ context.Context, c *weftio.Conn) (u promise.Unit, err error) {
			c.Write(make([]byte, much))
			return
		},
		"in f's Close": func(ctx context.Context, c *weftio.Conn) (promise.Unit, error) {
			c.Write(make([]byte, much))
			return c.Close().Await(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				defer ln.Close()
				running, cancel := context.WithCancelCause(ctx)
				defer cancel(nil)
				p := weftio.WithConn(running, "tcp", ln.Addr().String(), f)
				other, err := promise.Offload(ctx, func(context.Context) (net.Conn, error) { return ln.Accept() }).Await(ctx)
				require.NoError(t, err)
				defer other.Close()
				loop := weftio.LoopFrom(ctx)
				until(t, ctx, func() bool { return loop.Stats().Requests > 0 }) // the system takes no more
				cancel(errTest)
				assert.ErrorIs(t, p.Wait(ctx), errTest)
				resetFor(t, ctx, other)
				return nil
			})
		})
	}
}

func TestWithConnTellsOfTheClosesErrorOnce(t *testing.T) {
	type body func(ctx context.Context, c *weftio.Conn) error
	for name, test := range map[string]struct {
		f    body
		want []error // none: nil
	}{
		"f has closed it and seen the error": {f: func(ctx context.Context, c *weftio.Conn) error {
			assert.Error(t, c.Close().Wait(ctx))
			return nil
		}},
		"f has flushed and seen the error": {f: func(ctx context.Context, c *weftio.Conn) error {
			assert.Error(t, c.Flush().Wait(ctx))
			return nil
		}},
		"f has seen a write fail": {f: func(ctx context.Context, c *weftio.Conn) error {
			for c.WriteString("x").Wait(ctx) == nil {
				if err := weftio.Sleep(ctx, time.Millisecond).Wait(ctx); err != nil {
					return err
				}
			}
			return nil
		}},
		"f has not looked": {f: func(context.Context, *weftio.Conn) error { return nil }, want: []error{syscall.EPIPE}},
		"f has closed it and not looked": {f: func(_ context.Context, c *weftio.Conn) error {
			c.Close()
			return nil
		}, want: []error{syscall.EPIPE}},
		"f fails otherwise":   {f: func(context.Context, *weftio.Conn) error { return errTest }, want: []error{errTest, syscall.EPIPE}},
		"f fails of the same": {f: func(ctx context.Context, c *weftio.Conn) error { return c.Flush().Wait(ctx) }, want: []error{syscall.EPIPE}},
	} {
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				ln, err := net.Listen("tcp", "127.0.0.1:0")
				require.NoError(t, err)
				defer ln.Close()
				_, err = weftio.WithConn(ctx, "tcp", ln.Addr().String(), func(ctx context.Context, c *weftio.Conn) (promise.Unit, error) {
					p, err := ln.Accept()
					require.NoError(t, err)
					require.NoError(t, p.(*net.TCPConn).SetLinger(0))
					require.NoError(t, p.Close())
					assert.Error(t, c.ReadLine().Wait(ctx), "the reset is here")
					c.WriteString("x")
					return promise.Unit{}, test.f(ctx, c)
				}).Await(ctx)
				if len(test.want) == 0 {
					assert.NoError(t, err)
				}
				for _, want := range test.want {
					if want == syscall.EPIPE {
						assert.True(t, errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET), err)
						continue
					}
					assert.ErrorIs(t, err, want)
				}
				if joined, ok := err.(interface{ Unwrap() []error }); ok {
					assert.Len(t, joined.Unwrap(), len(test.want))
				}
				return nil
			}, weftio.OnError(func(err error) { t.Error("reported: ", err) }))
		})
	}
}

// A handler that waits for its peer or the server's end, line by line, holds no more after a thousand lines.
func TestWaitingForClosingLeavesNothingBehind(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		ln, err := weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
		require.NoError(t, err)
		l := weftio.LoopFrom(ctx)
		var pending []int
		server := weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error {
			for {
				closing := weftio.ServerFrom(ctx).Closing()
				bye := promise.Map(closing, func(promise.Unit) (string, error) { return "", weftio.EOF })
				line, err := promise.Pick(c.ReadLine(), bye).Await(ctx)
				if err != nil {
					return c.WriteLine("bye").Wait(ctx)
				}
				pending = append(pending, l.Stats().Pending)
				c.WriteLine(line)
			}
		})
		c, err := weftio.Dial(ctx, "tcp", ln.String()).Await(ctx)
		require.NoError(t, err)
		for range 1000 {
			c.WriteLine("hello")
			_, err := c.ReadLine().Await(ctx)
			require.NoError(t, err)
		}
		assert.LessOrEqual(t, pending[999], pending[9])
		shutdown := server.Shutdown(ctx)
		line, err := c.ReadLine().Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "bye", line)
		require.NoError(t, c.Close().Wait(ctx))
		return shutdown.Wait(ctx)
	})
}
