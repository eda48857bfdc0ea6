// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// The system tells of the last bytes and of a reset at once; what was cut off must not look whole.
func TestAResetIsNeverTheEndOfTheInput(t *testing.T) {
	wine.Skip(t, "Wine 8 has an end come before a reset that nobody was reading for")
	for range 20 {
		wefttest.Run(t, func(ctx context.Context) error {
			c, p := peer(t, ctx)
			require.NoError(t, say(p, "half of the page"))
			reset(t, p)
			err := c.ReadAll(0).Wait(ctx)
			assert.True(t, broken(err), "%v", err)
			_ = c.Close().Wait(ctx)
			return nil
		}, weftio.OnError(func(error) {}))
	}
}

func TestALastLineIsHeldToTheLimitToo(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		c, p := peer(t, ctx)
		defer c.Close()
		_, err := promise.Offload(ctx, func(context.Context) (int, error) {
			n, err := p.Write(make([]byte, 64<<10+1))
			_ = p.CloseWrite()
			return n, err
		}).Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, weftio.ErrLineTooLong, c.ReadLine().Wait(ctx))
		return nil
	})
}
