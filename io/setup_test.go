// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/uv"
)

var errTest = errors.New("test error")

// run runs main on a loop of its own and checks that nothing of it is left: the loop's own counters, goroutines, and signal
// handlers that C has installed.
func run(t *testing.T, main func(ctx context.Context) error, opts ...weftio.Option) {
	t.Helper()
	before := goroutines()
	var loop *weftio.Loop
	err := weftio.Run(t.Context(), func(ctx context.Context) error {
		loop = weftio.LoopFrom(ctx)
		return main(ctx)
	}, opts...)
	require.NoError(t, err)
	clean(t, loop, before)
}

// clean checks that a closed loop has left nothing.
func clean(t *testing.T, loop *weftio.Loop, before int) {
	t.Helper()
	assert.Zero(t, loop.Stats())
	assert.Zero(t, uv.UnguardedSignal())
	assert.Eventually(t, func() bool { return goroutines() <= before }, 5*time.Second, time.Millisecond)
}

// start returns a loop in the background, and its context.
func start(t *testing.T, opts ...weftio.Option) (*weftio.Loop, context.Context) {
	t.Helper()
	l, err := weftio.Start(opts...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l, l.Context(t.Context())
}

// goroutines counts those that run code of this module, the testing ones apart.
func goroutines() int {
	buf := make([]byte, 1<<20)
	n := 0
	for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		if strings.Contains(g, "weft-go/weft/") && !strings.Contains(g, "testing.tRunner") && !strings.Contains(g, "io_test.clean") {
			n++
		}
	}
	return n
}

// listen returns a listener on a free loopback port, IPv6 or IPv4.
func listen(t *testing.T, ctx context.Context, network string) *weftio.Listener {
	t.Helper()
	host := "127.0.0.1:0"
	if network == "tcp6" {
		host = "[::1]:0"
	}
	ln, err := weftio.Listen(ctx, network, host).Await(ctx)
	require.NoError(t, err)
	return ln
}

// pair returns the two ends of a connection.
func pair(t *testing.T, ctx context.Context) (client, server *weftio.Conn) {
	t.Helper()
	ln := listen(t, ctx, "tcp")
	dial := weftio.Dial(ctx, "tcp", ln.String())
	server, err := ln.Accept().Await(ctx)
	require.NoError(t, err)
	client, err = dial.Await(ctx)
	require.NoError(t, err)
	ln.Close()
	return client, server
}

// peer returns a weft connection whose other end is std's.
func peer(t *testing.T, ctx context.Context) (*weftio.Conn, *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	dial := weftio.Dial(ctx, "tcp", ln.Addr().String())
	c, err := dial.Await(ctx)
	require.NoError(t, err)
	p, err := ln.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { p.Close() })
	return c, p.(*net.TCPConn)
}
