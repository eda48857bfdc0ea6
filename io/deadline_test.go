// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

func TestAWriteDeadlineEndsWhatWaits(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, _ := peer(t, ctx)
		write, flush := c.Write(make([]byte, much)), c.Flush()
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
		for i, wait := range []func() error{
			func() error { return write.Wait(ctx) },
			func() error { return flush.Wait(ctx) },
			func() error { return c.Write(make([]byte, 100<<10)).Wait(ctx) },
			func() error { return c.Flush().Wait(ctx) },
		} {
			err := wait()
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded, i)
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			assert.True(t, op.Timeout())
			assert.Equal(t, "write", op.Op)
		}
		require.NoError(t, c.SetWriteDeadline(time.Time{}))
		assert.Equal(t, promise.StatePending, c.Flush().State(), "there is none any more")
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(-1)))
		assert.ErrorIs(t, c.Flush().Wait(ctx), os.ErrDeadlineExceeded, "at once")
		require.NoError(t, c.Abort().Wait(ctx))
		assert.ErrorIs(t, c.SetWriteDeadline(time.Time{}), net.ErrClosed)
		return nil
	}, wefttest.Allow("output buffer is full"))
}

// Close waits for what was written, also when more Flushes wait than have promises of their own, and a deadline ends those.
func TestCloseBehindManyFlushesIsNotBoundByTheDeadline(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, far := peer(t, ctx)
		written := c.Write(make([]byte, much)) // into an empty Output: it takes all
		require.NoError(t, c.SetWriteDeadline(time.Now().Add(10*time.Millisecond)))
		var flush *promise.Promise[promise.Unit]
		for range 100 {
			flush = c.Flush()
		}
		closed := c.Close()
		assert.ErrorIs(t, flush.Wait(ctx), os.ErrDeadlineExceeded)
		read := promise.Offload(ctx, func(context.Context) (int64, error) { return io.Copy(io.Discard, far) })
		n, err := read.Await(ctx)
		require.NoError(t, err)
		if written.Wait(ctx) == nil {
			assert.EqualValues(t, much, n)
		}
		return closed.Wait(ctx)
	})
}

func TestAWriteDeadlineThatIsMetChangesNothing(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		require.NoError(t, client.SetWriteDeadline(time.Now().Add(time.Hour)))
		client.WriteLine("in time")
		require.NoError(t, client.Flush().Wait(ctx))
		line, err := server.ReadLine().Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "in time", line)
		require.NoError(t, client.Close().Wait(ctx))
		return server.Close().Wait(ctx)
	})
}
