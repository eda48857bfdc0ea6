// SPDX-License-Identifier: MIT

package io_test

import (
	"bytes"
	"context"
	stdio "io"
	"net"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

func TestEachGivesEveryPieceInOrderAndEndsWithTheInput(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		defer server.Close()
		var got bytes.Buffer
		all := server.Each(func(piece []byte) *promise.Promise[promise.Unit] {
			got.Write(piece)
			return nil
		})
		sent := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
		require.NoError(t, client.Write(sent).Wait(ctx))
		require.NoError(t, client.Close().Wait(ctx))
		require.NoError(t, all.Wait(ctx))
		assert.True(t, bytes.Equal(sent, got.Bytes()))
		return nil
	})
}

func TestEachWithWriteIsAnEchoNoFasterThanItsPeerReads(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := peer(t, ctx)
		defer c.Close()
		echo := c.Each(c.Write)
		sent := bytes.Repeat([]byte("echo"), 5<<20)
		back := promise.Offload(ctx, func(context.Context) ([]byte, error) {
			go func() {
				_, _ = p.Write(sent) // blocks until the echo is read: the buffers in between hold less
				_ = p.CloseWrite()
			}()
			return stdio.ReadAll(p)
		})
		require.NoError(t, echo.Wait(ctx))
		held := weftio.LoopFrom(ctx).Stats().Bytes
		assert.Less(t, held, int64(2<<20))
		require.NoError(t, c.CloseWrite().Wait(ctx))
		got, err := back.Await(ctx)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(sent, got))
		return nil
	})
}

func TestEachWaitsForThePromiseOfItsFunction(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		defer client.Close()
		defer server.Close()
		var calls atomic.Int32
		gate, open := promise.New[promise.Unit](ctx)
		server.Each(func([]byte) *promise.Promise[promise.Unit] { calls.Add(1); return gate })
		flood := client.Write(make([]byte, 32<<20)) // more than the system's buffers take
		require.Error(t, flood.Wait(shortly(ctx)))
		assert.EqualValues(t, 1, calls.Load())
		open.Resolve(promise.Unit{})
		return nil
	}, wefttest.Allow("connection reset by peer", "broken pipe")) // the server closes before it has read all
}

func TestPromisesOfAnotherLoopHoldEachAndHandlers(t *testing.T) {
	_, other := wefttest.Start(t)
	wefttest.Run(t, func(ctx context.Context) error {
		served := 0
		srv := weftio.ServeCallback(ctx, listen(t, ctx, "tcp"), func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] {
			served++
			all := c.Each(func(piece []byte) *promise.Promise[promise.Unit] {
				c.Write(piece)
				return weftio.Sleep(other, time.Millisecond)
			})
			return promise.WithContext(other, all)
		})
		var lines []*promise.Promise[string]
		for range 20 {
			lines = append(lines, weftio.WithConn(ctx, "tcp", srv.Listener().String(), func(ctx context.Context, c *weftio.Conn) (string, error) {
				for range 5 {
					c.WriteLine("hello")
					if line, err := c.ReadLine().Await(ctx); err != nil {
						return line, err
					}
				}
				return "fine", nil
			}))
		}
		require.NoError(t, promise.All(lines...).Wait(ctx))
		require.NoError(t, srv.Shutdown(ctx).Wait(ctx))
		assert.Equal(t, 20, served)
		return nil
	})
}

// shortly is a ctx that ends when the loop has gone round a hundred times.
func shortly(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	promise.Go(ctx, func(ctx context.Context) error {
		defer cancel()
		for range 100 {
			if err := promise.Pause(ctx).Wait(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	return ctx
}

func TestWhatEndsEach(t *testing.T) {
	refused := promise.Rejected[promise.Unit](errTest)
	_, _ = refused.Await(context.Background())
	for name, test := range map[string]struct {
		f     func([]byte) *promise.Promise[promise.Unit]
		check func(t *testing.T, err error)
	}{
		"a rejection": {
			func([]byte) *promise.Promise[promise.Unit] { return refused },
			func(t *testing.T, err error) { assert.Equal(t, errTest, err) },
		},
		"a panic": {
			func([]byte) *promise.Promise[promise.Unit] { panic(errTest) },
			func(t *testing.T, err error) {
				var p *promise.PanicError
				require.ErrorAs(t, err, &p)
				assert.Contains(t, string(p.Stack), "each_test.go")
			},
		},
		"Goexit": {
			func([]byte) *promise.Promise[promise.Unit] { runtime.Goexit(); return nil },
			func(t *testing.T, err error) { assert.Equal(t, promise.ErrGoexit, err) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				client, server := pair(t, ctx)
				defer client.Close()
				defer server.Close()
				all := server.Each(test.f)
				client.WriteLine("first")
				test.check(t, all.Wait(ctx))
				client.WriteLine("second") // the input lives on
				line, err := server.ReadLine().Await(ctx)
				assert.Equal(t, "second", line)
				return err
			})
		})
	}
}

func TestCancelledEachLeavesTheRestToTheNextOperation(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		defer client.Close()
		defer server.Close()
		var all *promise.Promise[promise.Unit]
		first, r := promise.New[string](ctx)
		all = server.Each(func(piece []byte) *promise.Promise[promise.Unit] {
			r.Resolve(string(piece))
			all.Cancel()
			return nil
		})
		client.WriteString("one")
		got, err := first.Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "one", got)
		assert.ErrorIs(t, all.Wait(ctx), context.Canceled)
		client.WriteLine("two")
		line, err := server.ReadLine().Await(ctx)
		assert.Equal(t, "two", line)
		return err
	})
}

func TestAnEachCancelledBeforeItsStepLeavesWhatHasCome(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		other, elsewhere := pair(t, ctx)
		for _, c := range []*weftio.Conn{client, server, other, elsewhere} {
			defer c.Close()
		}
		called := false
		all := server.Each(func([]byte) *promise.Promise[promise.Unit] { called = true; return nil })
		first := elsewhere.ReadLine()
		require.NoError(t, promise.Pause(ctx).Wait(ctx))
		other.WriteLine("comes first")
		client.WriteLine("comes in the same turn")
		require.NoError(t, first.Wait(ctx)) // the piece's step is behind this task
		all.Cancel()
		other.WriteLine("overwrites what libuv had lent")
		require.NoError(t, elsewhere.ReadLine().Wait(ctx))
		if called {
			return nil // the system had another order
		}
		line, err := server.ReadLine().Await(ctx)
		assert.Equal(t, "comes in the same turn", line)
		return err
	})
}

func TestCloseEndsEachAlsoFromInsideItsFunction(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		defer client.Close()
		all := server.Each(func([]byte) *promise.Promise[promise.Unit] { return server.Close() })
		client.WriteLine("x")
		assert.ErrorIs(t, all.Wait(ctx), net.ErrClosed)
		return nil
	})
}

func TestEachGetsItsPieceWholeWhenTheTurnIsTooShort(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		defer client.Close()
		defer server.Close()
		first, r := promise.New[string](ctx)
		server.Each(func(piece []byte) *promise.Promise[promise.Unit] {
			r.Resolve(string(piece))
			return nil
		})
		stop := false // callbacks that go round use every turn up, so that polls come before the step
		var spin func()
		spin = func() {
			if !stop {
				_ = weftio.LoopFrom(ctx).Post(spin)
			}
		}
		for range 100 {
			spin()
		}
		client.WriteString("whole")
		got, err := first.Await(ctx)
		stop = true
		assert.Equal(t, "whole", got)
		return err
	})
}

func TestEachAllocatesNothingForAPiece(t *testing.T) {
	if wefttest.RaceDetector {
		t.Skip("the race detector allocates")
	}
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		defer client.Close()
		defer server.Close()
		server.Each(server.Write)
		buf, msg := make([]byte, 64), make([]byte, 64)
		in := client.Reader(ctx)
		round := func() {
			client.Write(msg)
			_, err := stdio.ReadFull(in, buf)
			require.NoError(t, err)
		}
		for range 100 {
			round()
		}
		assert.Zero(t, testing.AllocsPerRun(1000, round))
		return nil
	})
}
