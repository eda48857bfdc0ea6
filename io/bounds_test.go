// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	stdio "io"
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

// heap is what lives, after a collection.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// stuffed returns a connection whose peer reads nothing: the system takes no more of it.
func stuffed(t *testing.T, ctx context.Context) (*weftio.Conn, *net.TCPConn) {
	t.Helper()
	c, p := peer(t, ctx)
	for {
		w := c.Write(make([]byte, 60<<10))
		if w.Wait(shortly(ctx)) != nil {
			return c, p
		}
	}
}

func TestWritesOfAByteToAPeerThatNeverReadsAreRefusedBeforeTheyHoldMuch(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := stuffed(t, ctx)
		before, n := heap(), 0
		for ; ; n++ {
			if _, err, ok := c.Write([]byte{1}).Poll(); ok && err != nil {
				require.Equal(t, weftio.ErrBufferFull, err)
				break
			}
			require.Less(t, n, 1<<20)
		}
		assert.Less(t, heap()-before, int64(4<<20), "%d writes", n)
		return abandon(t, ctx, c, p)
	}, weftio.OnError(func(error) {}))
}

// abandon ends both ends of a connection with bytes under way.
func abandon(t *testing.T, ctx context.Context, c *weftio.Conn, p *net.TCPConn) error {
	t.Helper()
	require.NoError(t, p.Close())
	_ = c.Close().Wait(ctx)
	return nil
}

func TestFlushesThatWaitAreFewHoweverManyAreAskedFor(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := stuffed(t, ctx)
		different := map[*promise.Promise[promise.Unit]]bool{}
		for range 2000 {
			c.Write([]byte{1})
			different[c.Flush()] = true
		}
		assert.LessOrEqual(t, len(different), 64)
		last := c.Flush()
		read := promise.Offload(ctx, func(context.Context) (int64, error) { return stdio.Copy(stdio.Discard, p) })
		require.NoError(t, last.Wait(ctx))
		for f := range different {
			assert.Equal(t, promise.StateFulfilled, f.State())
		}
		require.NoError(t, c.Close().Wait(ctx))
		return read.Wait(ctx)
	})
}

func TestOperationsThatWaitOfOneChannelHaveALimit(t *testing.T) {
	const most = 4096
	fill := func(t *testing.T, ask func() promise.Awaitable, cancel func()) {
		t.Helper()
		for round := range 3 {
			for range most {
				ask()
			}
			assert.ErrorIs(t, ask().Wait(context.Background()), weftio.ErrTooManyPending, "round %d", round)
			cancel()
		}
	}
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		var reads []*promise.Promise[[]byte]
		fill(t, func() promise.Awaitable {
			r := server.Read(1)
			reads = append(reads, r)
			return r
		}, func() {
			for _, r := range reads {
				r.Cancel()
			}
			reads = nil
			require.NoError(t, promise.Pause(ctx).Wait(ctx))
			require.Zero(t, weftio.Waiting(server.Input))
		})
		client.WriteString("x")
		got, err := server.Read(1).Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "x", string(got))

		ln := listen(t, ctx, "tcp")
		var accepts []*promise.Promise[*weftio.Conn]
		fill(t, func() promise.Awaitable {
			a := ln.Accept()
			accepts = append(accepts, a)
			return a
		}, func() {
			for _, a := range accepts {
				a.Cancel()
			}
			accepts = nil
			require.NoError(t, promise.Pause(ctx).Wait(ctx))
			require.Zero(t, weftio.Accepting(ln), "cancelled ones leave nothing")
		})
		require.NoError(t, ln.Close().Wait(ctx))
		require.NoError(t, client.Close().Wait(ctx))
		return server.Close().Wait(ctx)
	}, weftio.OnError(func(error) {}))
}

func TestAWriterReturnsHowManyBytesThePeerGets(t *testing.T) {
	for name, end := range map[string]func(ctx context.Context) context.Context{
		"when its ctx ends":                shortly,
		"when its ctx has ended before it": ended,
	} {
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				c, p := peer(t, ctx)
				n, err := c.Writer(end(ctx)).Write(make([]byte, 32<<20))
				require.Error(t, err)
				read := promise.Offload(ctx, func(context.Context) (int64, error) { return stdio.Copy(stdio.Discard, p) })
				require.NoError(t, c.Close().Wait(ctx))
				got, err := read.Await(ctx)
				assert.EqualValues(t, got, n)
				return err
			})
		})
	}
	t.Run("in a goroutine", func(t *testing.T) {
		_, ctx := wefttest.Start(t)
		c, p := peer(t, ctx)
		short, cancel := promise.ContextTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		n, err := c.Writer(short).Write(make([]byte, 32<<20))
		require.ErrorIs(t, err, promise.ErrTimeout)
		end := c.Close()
		got, err := stdio.Copy(stdio.Discard, p)
		require.NoError(t, err)
		assert.EqualValues(t, got, n)
		require.NoError(t, end.Wait(ctx))
	})
	t.Run("when the peer has reset", func(t *testing.T) {
		wefttest.Run(t, func(ctx context.Context) error {
			c, p := peer(t, ctx)
			write := promise.Spawn(ctx, func(ctx context.Context) (int, error) { return c.Writer(ctx).Write(make([]byte, 32<<20)) })
			receive(t, ctx, p, 1000)
			reset(t, p)
			err := write.Wait(ctx)
			assert.True(t, broken(err), "%v", err)
			_ = c.Close().Wait(ctx)
			return nil
		}, weftio.OnError(func(error) {}))
	})
}

func ended(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}
