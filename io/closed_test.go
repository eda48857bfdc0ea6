// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// requireClosed checks that the error is net.ErrClosed, in package net's shape.
func requireClosed(t *testing.T, op, call string, err error) {
	t.Helper()
	require.ErrorIs(t, err, net.ErrClosed, call)
	var e *net.OpError
	require.ErrorAs(t, err, &e, call)
	require.Equal(t, op, e.Op, call)
}

// writes does all that a closed output refuses.
func writes(ctx context.Context, c *weftio.Conn) map[string]error {
	_, werr := c.Writer(ctx).Write([]byte("x"))
	return map[string]error{
		"Write":          c.Write([]byte("x")).Wait(ctx),
		"Write, nothing": c.Write(nil).Wait(ctx),
		"WriteString":    c.WriteString("x").Wait(ctx),
		"WriteLine":      c.WriteLine("x").Wait(ctx),
		"Printf":         c.Printf("%d", 1).Wait(ctx),
		"Flush":          c.Flush().Wait(ctx),
		"Writer.Write":   werr,
	}
}

// reads does all that a closed input refuses.
func reads(ctx context.Context, c *weftio.Conn) map[string]error {
	_, rerr := c.Reader(ctx).Read(make([]byte, 1))
	return map[string]error{
		"Read":        c.Read(1).Wait(ctx),
		"ReadInto":    c.ReadInto(make([]byte, 1)).Wait(ctx),
		"ReadLine":    c.ReadLine().Wait(ctx),
		"ReadAll":     c.ReadAll(0).Wait(ctx),
		"Each":        c.Each(func([]byte) *promise.Promise[promise.Unit] { return nil }).Wait(ctx),
		"Reader.Read": rerr,
	}
}

// closers are the ways to close a connection or a half of it.
var closers = map[string]struct {
	close         func(c *weftio.Conn) *promise.Promise[promise.Unit]
	reads, writes bool // it ends these
}{
	"Close":      {close: (*weftio.Conn).Close, reads: true, writes: true},
	"Abort":      {close: (*weftio.Conn).Abort, reads: true, writes: true},
	"CloseWrite": {close: (*weftio.Conn).CloseWrite, writes: true},
	"CloseRead":  {close: (*weftio.Conn).CloseRead, reads: true},
}

func TestWhatIsClosedSaysSo(t *testing.T) {
	for name, closer := range closers {
		for _, ended := range []bool{false, true} {
			for _, unsent := range []bool{false, true} {
				t.Run(name, func(t *testing.T) {
					wefttest.Run(t, func(ctx context.Context) error {
						c, p := peer(t, ctx)
						require.NoError(t, say(p, "what nobody reads"))
						if unsent {
							c.WriteString("what has not left yet")
						}
						end := closer.close(c)
						if ended {
							require.NoError(t, end.Wait(ctx))
						}
						if closer.writes {
							for call, err := range writes(ctx, c) {
								requireClosed(t, "write", call, err)
							}
						}
						if closer.reads {
							for call, err := range reads(ctx, c) {
								requireClosed(t, "read", call, err)
							}
						}
						assert.NoError(t, end.Wait(ctx))
						return c.Close().Wait(ctx)
					})
				})
			}
		}
	}
}

func TestNothingIsTakenBetweenACloseAndItsTurn(t *testing.T) {
	for name, closer := range closers {
		if !closer.writes {
			continue
		}
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				c, _ := peer(t, ctx)
				end := closer.close(c)
				for _, p := range []*promise.Promise[promise.Unit]{c.WriteString("x"), c.Flush()} { // in the same step
					requireClosed(t, "write", name, p.Wait(ctx))
				}
				assert.NoError(t, end.Wait(ctx))
				return c.Close().Wait(ctx)
			})
		})
	}
}
