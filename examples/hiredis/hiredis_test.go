package main

import (
	"bufio"
	"context"
	"fmt"
	stdio "io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/wefttest"
)

// server starts a Redis server, and returns its socket and what kills it.
func server(t *testing.T) (socket string, kill func()) {
	socket = filepath.Join(t.TempDir(), "s")
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", filepath.Dir(socket))
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	kill = func() {
		_ = cmd.Process.Kill() // or it was killed before
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	log := bufio.NewReader(out)
	for line := ""; !strings.Contains(strings.ToLower(line), "ready to accept connections"); {
		line, err = log.ReadString('\n')
		require.NoError(t, err, "the server has not started")
	}
	go func() { _, _ = stdio.Copy(stdio.Discard, log) }()
	return socket, kill
}

// run runs f with a client, and closes that.
func run(t *testing.T, f func(ctx context.Context, c *Client) error) {
	socket, _ := server(t)
	wefttest.Run(t, func(ctx context.Context) error {
		c, err := Connect(ctx, socket).Await(ctx)
		if err != nil {
			return err
		}
		return f(ctx, c)
	})
}

func TestRepliesSettlePromises(t *testing.T) {
	run(t, func(ctx context.Context, c *Client) error {
		pong, err := Command[[]byte](ctx, c, "PING").Await(ctx)
		assert.Equal(t, "PONG", string(pong))
		assert.NoError(t, err)
		_, err = Command[[]byte](ctx, c, "SET", "k", "a\x00\r\nb").Await(ctx)
		assert.NoError(t, err)
		v, err := Command[[]byte](ctx, c, "GET", "k").Await(ctx)
		assert.Equal(t, "a\x00\r\nb", string(v))
		assert.NoError(t, err)
		_, err = Command[int64](ctx, c, "INCR", "k").Await(ctx)
		assert.ErrorContains(t, err, "not an integer")
		_, err = Command[[]byte](ctx, c, "GET", "none").Await(ctx)
		assert.ErrorIs(t, err, uv.ENOENT)
		_, err = Command[int64](ctx, c, "GET", "k").Await(ctx)
		assert.ErrorContains(t, err, "another type")
		return c.Close().Wait(ctx)
	})
}

func TestTenThousandCommandsAreAnsweredInOrder(t *testing.T) {
	run(t, func(ctx context.Context, c *Client) error {
		replies := make([]*promise.Promise[int64], 10_000)
		for i := range replies {
			replies[i] = Command[int64](ctx, c, "INCR", "n")
		}
		closed := c.Close() // waits for them
		for i, p := range replies {
			v, err := p.Await(ctx)
			if err != nil || v != int64(i+1) {
				return fmt.Errorf("reply %d: %d, %w", i, v, err)
			}
		}
		return closed.Wait(ctx)
	})
}

// two returns two clients of a server.
func two(ctx context.Context, socket string) (a, b *Client, err error) {
	both, err := promise.All(Connect(ctx, socket), Connect(ctx, socket)).Await(ctx)
	if err != nil {
		return nil, nil, err
	}
	return both[0], both[1], nil
}

// blocked waits until the server has a client that waits in a command.
func blocked(ctx context.Context, c *Client) error {
	for {
		info, err := Command[[]byte](ctx, c, "INFO", "clients").Await(ctx)
		if err != nil || strings.Contains(string(info), "blocked_clients:1") {
			return err
		}
	}
}

// The server has read all that was sent: hiredis 0.14 does not hear of one that is gone before it has, see redis.c.
func TestServerThatIsKilledRejectsWhatWaits(t *testing.T) {
	socket, kill := server(t)
	wefttest.Run(t, func(ctx context.Context) error {
		waiter, other, err := two(ctx, socket)
		if err != nil {
			return err
		}
		waits := Command[[]byte](ctx, waiter, "BLPOP", "list", "0")
		if err := blocked(ctx, other); err != nil {
			return err
		}
		kill()
		assert.ErrorIs(t, waits.Wait(ctx), uv.ECONNRESET)
		assert.ErrorIs(t, waiter.Close().Wait(ctx), uv.ECONNRESET)
		assert.ErrorIs(t, Command[[]byte](ctx, waiter, "PING").Wait(ctx), uv.ENOTCONN)
		return nil
	}, weftio.Watchdog(0, nil))
}

func TestCancelledCommandLeavesTheConnectionWhole(t *testing.T) {
	socket, _ := server(t)
	wefttest.Run(t, func(ctx context.Context) error {
		waiter, other, err := two(ctx, socket)
		if err != nil {
			return err
		}
		waits := Command[[]byte](ctx, waiter, "BRPOPLPUSH", "from", "to", "0")
		if err := blocked(ctx, other); err != nil {
			return err
		}
		waits.Cancel()
		assert.ErrorIs(t, waits.Wait(ctx), context.Canceled)
		if err := Command[int64](ctx, other, "RPUSH", "from", "late").Wait(ctx); err != nil { // answers it
			return err
		}
		pong, err := Command[[]byte](ctx, waiter, "PING").Await(ctx)
		assert.Equal(t, "PONG", string(pong))
		return err
	}) // the loop closes both connections
}

func TestLoopThatClosesEndsTheConnection(t *testing.T) {
	socket, _ := server(t)
	l, err := weftio.Start()
	require.NoError(t, err)
	ctx := l.Context(context.Background())
	c, err := Connect(ctx, socket).Await(context.Background())
	require.NoError(t, err)
	waits := Command[[]byte](ctx, c, "BLPOP", "list", "0")
	assert.NoError(t, l.Close()) // with no handle of hiredis' left
	assert.ErrorIs(t, waits.Wait(context.Background()), promise.ErrLoopClosed)
	assert.ErrorIs(t, Command[[]byte](ctx, c, "PING").Wait(context.Background()), promise.ErrLoopClosed)
	assert.Zero(t, l.Stats())
}

func TestNoServer(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		assert.ErrorIs(t, Connect(ctx, filepath.Join(t.TempDir(), "none")).Wait(ctx), uv.ENOTCONN)
		return nil
	})
}

func TestCancelledConnectLeavesNothing(t *testing.T) {
	socket, _ := server(t)
	wefttest.Run(t, func(ctx context.Context) error {
		p := Connect(ctx, socket)
		p.Cancel()
		assert.ErrorIs(t, p.Wait(ctx), context.Canceled)
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		assert.ErrorIs(t, Connect(canceled, socket).Wait(ctx), context.Canceled)
		return nil
	})
}
