// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// freePort returns a port of 127.0.0.1 that is free, and is none of those that systems pick for others.
func freePort(t *testing.T) (port int) {
	t.Helper()
	for range 100 {
		port = 20_000 + rand.IntN(10_000)
		ln, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
		if err == nil {
			require.NoError(t, ln.Close())
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func TestAListenThatIsEndedAtRandomLeavesNoListener(t *testing.T) {
	for name, end := range endings[*weftio.Listener]() {
		for _, host := range []string{"127.0.0.1", "localhost"} {
			t.Run(name+", on "+host, func(t *testing.T) {
				port := freePort(t)
				wefttest.Run(t, func(ctx context.Context) error {
					listen := func() *promise.Promise[*weftio.Listener] {
						return weftio.Listen(ctx, "tcp", fmt.Sprint(host, ":", port))
					}
					endAtRandom(t, ctx, end, listen, func(ln *weftio.Listener) { assert.NoError(t, ln.Close().Wait(ctx)) })
					err := weftio.Dial(ctx, "tcp", fmt.Sprint("127.0.0.1:", port)).Wait(ctx)
					assert.ErrorIs(t, err, syscall.ECONNREFUSED)
					return nil
				})
			})
		}
	}
}
