// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
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
