// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
)

var errTest = errors.New("test error")

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
