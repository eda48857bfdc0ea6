// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
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
	}, weftio.OnError(func(error) {}))
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
