// SPDX-License-Identifier: MIT

package io_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// flood has p send until it takes no more for a while, and returns how many bytes it took, 64 MiB at most.
func flood(ctx context.Context, p net.Conn) *promise.Promise[int] {
	return promise.Offload(ctx, func(context.Context) (sent int, err error) {
		for chunk := make([]byte, 64<<10); sent < 64<<20 && err == nil; {
			_ = p.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			var n int
			n, err = p.Write(chunk)
			sent += n
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		return sent, err
	})
}

func TestAPeerThatSendsWithoutEndIsReadAheadUpToALimit(t *testing.T) {
	never := func(ctx context.Context) *promise.Promise[promise.Unit] {
		p, _ := promise.New[promise.Unit](ctx)
		return p
	}
	for name, use := range map[string]func(ctx context.Context, c *weftio.Conn){
		"of which nothing was ever read": func(context.Context, *weftio.Conn) {},
		"after a Read of a byte":         func(_ context.Context, c *weftio.Conn) { c.Read(1) },
		"after a ReadInto of a byte":     func(_ context.Context, c *weftio.Conn) { c.ReadInto(make([]byte, 1)) },
		"after a cancelled ReadLine": func(ctx context.Context, c *weftio.Conn) {
			p := c.ReadLine()
			_ = p.Wait(shortly(ctx)) // it has begun to read
			p.Cancel()
		},
		"after a line that is too long": func(_ context.Context, c *weftio.Conn) {
			c.ReadLine().OnSettle(func(_ string, err error) { _ = err })
		},
		"while Each waits for its function": func(ctx context.Context, c *weftio.Conn) {
			c.Each(func([]byte) *promise.Promise[promise.Unit] { return never(ctx) })
		},
		"while Each waits and others wait for it": func(ctx context.Context, c *weftio.Conn) {
			c.Each(func([]byte) *promise.Promise[promise.Unit] { return never(ctx) })
			c.ReadLine()
		},
		"after an Each that was cancelled while its function waited": func(ctx context.Context, c *weftio.Conn) {
			var all *promise.Promise[promise.Unit]
			all = c.Each(func([]byte) *promise.Promise[promise.Unit] { all.Cancel(); return never(ctx) })
		},
		"after ReadAll's limit": func(_ context.Context, c *weftio.Conn) {
			c.ReadAll(100_000).OnSettle(func(_ []byte, err error) { _ = err })
		},
	} {
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				c, p := peer(t, ctx)
				defer c.Close()
				require.NoError(t, p.SetWriteBuffer(64<<10))
				use(ctx, c)
				sent, err := flood(ctx, p).Await(ctx)
				require.NoError(t, err)
				assert.Less(t, sent, 32<<20, "the system's buffers take some")
				assert.LessOrEqual(t, weftio.Held(c.Input), 256<<10)
				return nil
			})
		})
	}
}

func TestReadingGoesOnWhenWhatWasReadAheadHasBeenTaken(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		defer server.Close()
		sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		first := server.Read(1)
		client.Write(sent)
		client.CloseWrite()
		one, err := first.Await(ctx)
		require.NoError(t, err)
		until(t, ctx, func() bool { return weftio.Held(server.Input) >= 64<<10 })
		rest, err := server.ReadAll(0).Await(ctx)
		require.NoError(t, err)
		assert.True(t, bytes.Equal(sent, append(one, rest...)))
		return client.Close().Wait(ctx)
	})
}

func TestBytesThatArriveWhileEachIsBusyStayAsTheyAre(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		other, elsewhere := pair(t, ctx)
		for _, c := range []*weftio.Conn{client, server, other, elsewhere} {
			defer c.Close()
		}
		var got bytes.Buffer
		gate, open := promise.New[promise.Unit](ctx)
		all := server.Each(func(piece []byte) *promise.Promise[promise.Unit] { got.Write(piece); return gate })
		client.WriteString("one")
		until(t, ctx, func() bool { return got.Len() == 3 })
		client.WriteString("two")
		for range 3 { // turns that use libuv's memory again
			other.WriteLine(strings.Repeat("x", 100))
			require.NoError(t, elsewhere.ReadLine().Wait(ctx))
		}
		open.Resolve(promise.Unit{})
		client.CloseWrite()
		require.NoError(t, all.Wait(ctx))
		assert.Equal(t, "onetwo", got.String())
		return nil
	})
}
