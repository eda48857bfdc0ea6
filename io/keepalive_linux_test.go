// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/wefttest"
)

func TestKeepAliveIsOnAsInNet(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		dialled, accepted := pair(t, ctx)
		for name, c := range map[string]*weftio.Conn{"dialled": dialled, "accepted": accepted} {
			fd := int(weftio.Fd(c))
			on, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE)
			require.NoError(t, err)
			assert.Equal(t, 1, on, name)
			for opt, want := range map[int]int{syscall.TCP_KEEPIDLE: 15, syscall.TCP_KEEPINTVL: 15, syscall.TCP_KEEPCNT: 9} {
				got, err := syscall.GetsockoptInt(fd, syscall.IPPROTO_TCP, opt)
				require.NoError(t, err)
				assert.Equal(t, want, got, name)
			}
			require.NoError(t, c.Close().Wait(ctx))
		}
		return nil
	})
}
