// SPDX-License-Identifier: MIT

package io_test

import (
	"bufio"
	"context"
	"fmt"
	stdio "io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// everywhere runs a program on a loop of its own again and again, and cancels it at its first turn, its second, and so on, until it
// comes to its end: an await takes a turn at least. Cancelled, it must end with that cancellation, or as if nothing had been, and leave
// nothing; wefttest.Run sees to that.
func everywhere(t *testing.T, program func(ctx context.Context) error) {
	t.Helper()
	for turns := 0; ; turns++ {
		cancelled := false
		wefttest.Run(t, func(ctx context.Context) error {
			running, cancel := context.WithCancelCause(ctx)
			defer cancel(nil)
			p := promise.Go(running, program)
			canceller := promise.Go(ctx, func(ctx context.Context) error {
				for range turns {
					if err := promise.Pause(ctx).Wait(ctx); err != nil {
						return err
					}
				}
				if cancelled = p.State() == promise.StatePending; cancelled {
					cancel(errTest)
				}
				return nil
			})
			if err := p.Wait(ctx); err != nil {
				assert.ErrorIs(t, err, errTest, "cancelled at turn %d", turns)
				assert.True(t, cancelled)
			}
			canceller.Cancel()
			_ = canceller.Wait(ctx)
			return nil
		}, weftio.OnError(func(err error) { t.Errorf("turn %d: reported: %v", turns, err) }))
		if !cancelled {
			assert.Greater(t, turns, 5, "the program has awaits")
			return
		}
		require.Less(t, turns, 10_000)
	}
}

func TestAnEchoConversationCancelledEverywhere(t *testing.T) {
	everywhere(t, func(ctx context.Context) error {
		ln, err := weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
		if err != nil {
			return err
		}
		srv := weftio.Serve(ctx, ln, echo)
		_, err = weftio.WithConn(ctx, "tcp", ln.String(), func(ctx context.Context, c *weftio.Conn) (promise.Unit, error) {
			for i := range 5 {
				if err := c.WriteLine(fmt.Sprint("line ", i)).Wait(ctx); err != nil {
					return promise.Unit{}, err
				}
				line, err := c.ReadLine().Await(ctx)
				if err != nil {
					return promise.Unit{}, err
				}
				assert.Equal(t, fmt.Sprint("line ", i), line)
			}
			if err := c.CloseWrite().Wait(ctx); err != nil {
				return promise.Unit{}, err
			}
			rest, err := c.ReadAll(0).Await(ctx)
			assert.Empty(t, rest)
			return promise.Unit{}, err
		}).Await(ctx)
		if err != nil {
			return err
		}
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

func TestARequestCancelledEverywhere(t *testing.T) {
	hello := func(ctx context.Context, c *weftio.Conn) error {
		_, err := http.ReadRequest(bufio.NewReader(c.Reader(ctx)))
		c.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nHello from weft!\n")
		return err
	}
	quiet := weftio.OnConnError(func(*weftio.Conn, error) {}) // whoever is cancelled resets, or asks for half a page
	everywhere(t, func(ctx context.Context) error {
		ln, err := weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
		if err != nil {
			return err
		}
		weftio.Serve(ctx, ln, hello, quiet)
		page, err := weftio.WithConn(ctx, "tcp", fmt.Sprint("localhost:", ln.Port()), func(ctx context.Context, c *weftio.Conn) ([]byte, error) {
			c.Printf("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
			return stdio.ReadAll(c.Reader(ctx))
		}).Await(ctx)
		if err == nil {
			assert.Contains(t, string(page), "Hello from weft!")
		}
		return err
	})
}
