package main

import (
	"bufio"
	"context"
	"fmt"
	stdio "io"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// server starts a NATS server, on a port that it chooses for -1. It returns that port and what kills it.
func server(t *testing.T, port string) (at string, kill func()) {
	cmd := exec.Command("nats-server", "--addr", "127.0.0.1", "--port", port)
	out, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	kill = func() {
		_ = cmd.Process.Kill() // or it was killed before
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	log := bufio.NewReader(out)
	for line := ""; !strings.Contains(line, "Server is ready"); {
		line, err = log.ReadString('\n')
		require.NoError(t, err, "the server has not started")
		if _, found, ok := strings.Cut(line, "client connections on 127.0.0.1:"); ok {
			at = strings.TrimSpace(found)
		}
	}
	go func() { _, _ = stdio.Copy(stdio.Discard, log) }()
	return at, kill
}

func url(port string) string { return "nats://127.0.0.1:" + port }

// run runs f on a loop that may wait for servers.
func run(t *testing.T, f func(ctx context.Context) error) {
	wefttest.Run(t, f, weftio.OnStart(Enter), weftio.OnStop(Leave), weftio.Watchdog(0, nil))
}

// runWith runs f with a client of a server, and closes that.
func runWith(t *testing.T, f func(ctx context.Context, c *Client) error) {
	port, _ := server(t, "-1")
	run(t, func(ctx context.Context) error {
		c, err := Connect(ctx, url(port))
		if err != nil {
			return err
		}
		if err := f(ctx, c); err != nil {
			return err
		}
		return c.Close().Wait(ctx)
	})
}

// number publishes n messages, which are their numbers.
func number(c *Client, subject string, n int) error {
	for i := range n {
		if err := c.Publish(subject, []byte(strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

// wants reads the next message, which is to be want.
func wants(ctx context.Context, messages *weftio.CStream[*weftio.CPointer], want string) error {
	p, err := messages.Next().Await(ctx)
	if err != nil {
		return err
	}
	if got := string(Take(p).Data); got != want {
		return fmt.Errorf("message %q, not %q", got, want)
	}
	return nil
}

// end reads what is left, and returns what the stream ends with.
func end(ctx context.Context, messages *weftio.CStream[*weftio.CPointer]) error {
	for {
		p, err := messages.Next().Await(ctx)
		if err != nil {
			return err
		}
		p.Drop()
	}
}

func TestMessagesWaitForRoomAndComeInOrder(t *testing.T) {
	runWith(t, func(ctx context.Context, c *Client) error {
		messages, err := c.Subscribe(ctx, "numbers", 3)
		if err != nil {
			return err
		}
		const n = 10_000
		if err := number(c, "numbers", n); err != nil {
			return err
		}
		// All have come, and nobody has read: the thread that they come on waits.
		if err := c.Flush(ctx).Wait(ctx); err != nil {
			return err
		}
		for i := range n {
			if err := wants(ctx, messages, strconv.Itoa(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

// answer serves requests with what they say, until the stream ends.
func answer(ctx context.Context, c *Client, requests *weftio.CStream[*weftio.CPointer]) *promise.Promise[int] {
	return promise.Spawn(ctx, func(ctx context.Context) (n int, err error) {
		for p, err := range requests.All(ctx) {
			if err != nil {
				return n, err
			}
			m := Take(p)
			if err := c.Publish(m.Reply, append([]byte(m.Subject+" "), m.Data...)); err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
}

func TestRequestsAreAnsweredOnTheSameLoop(t *testing.T) {
	port, _ := server(t, "-1")
	run(t, func(ctx context.Context) error {
		asks, err := Connect(ctx, url(port))
		if err != nil {
			return err
		}
		serves, err := Connect(ctx, url(port))
		if err != nil {
			return err
		}
		requests, err := serves.Subscribe(ctx, "echo.>", 1)
		if err != nil {
			return err
		}
		served := answer(ctx, serves, requests)
		if err := serves.Flush(ctx).Wait(ctx); err != nil { // the server knows the subscription
			return err
		}
		for _, text := range []string{"a\x00\r\nb", "", strings.Repeat("x", 1<<19)} {
			m, err := asks.Request(ctx, "echo.x", []byte(text), time.Minute).Await(ctx)
			if err != nil {
				return err
			}
			assert.Equal(t, "echo.x "+text, string(m.Data))
		}
		if err := serves.Close().Wait(ctx); err != nil {
			return err
		}
		n, err := served.Await(ctx) // the stream has ended with the connection
		assert.Equal(t, 3, n)
		if err != nil {
			return err
		}
		return asks.Close().Wait(ctx)
	})
}

func TestCancelledStreamUnsubscribes(t *testing.T) {
	runWith(t, func(ctx context.Context, c *Client) error {
		requests, err := c.Subscribe(ctx, "questions", 1)
		if err != nil {
			return err
		}
		if err := number(c, "questions", 10); err != nil {
			return err
		}
		if err := c.Flush(ctx).Wait(ctx); err != nil {
			return err
		}
		requests.Cancel() // while a thread of nats.c waits for room
		assert.ErrorIs(t, end(ctx, requests), context.Canceled)
		if err := c.Flush(ctx).Wait(ctx); err != nil {
			return err
		}
		assert.ErrorIs(t, c.Request(ctx, "questions", nil, time.Minute).Wait(ctx), NoResponders)
		return nil
	})
}

func TestCloseSendsWhatWasPublished(t *testing.T) {
	port, _ := server(t, "-1")
	run(t, func(ctx context.Context) error {
		reads, err := Connect(ctx, url(port))
		if err != nil {
			return err
		}
		messages, err := reads.Subscribe(ctx, "numbers", 1)
		if err != nil {
			return err
		}
		if err := reads.Flush(ctx).Wait(ctx); err != nil {
			return err
		}
		writes, err := Connect(ctx, url(port))
		if err != nil {
			return err
		}
		if err := number(writes, "numbers", 100); err != nil {
			return err
		}
		if err := writes.Close().Wait(ctx); err != nil {
			return err
		}
		assert.Equal(t, Closed, writes.Publish("numbers", nil))
		assert.Equal(t, Closed, writes.Flush(ctx).Wait(ctx))
		_, err = writes.Subscribe(ctx, "numbers", 1)
		assert.Equal(t, Closed, err)
		for i := range 100 {
			if err := wants(ctx, messages, strconv.Itoa(i)); err != nil {
				return err
			}
		}
		assert.Len(t, weftio.LoopFrom(ctx).Tokens(), 2, "those of reads, and of messages")
		return reads.Close().Wait(ctx)
	})
}

func TestServerThatComesBackGoesOn(t *testing.T) {
	port, kill := server(t, "-1")
	run(t, func(ctx context.Context) error {
		c, err := Connect(ctx, url(port))
		if err != nil {
			return err
		}
		messages, err := c.Subscribe(ctx, "numbers", 1)
		if err != nil {
			return err
		}
		for range 3 {
			kill()
			_, kill = server(t, port)
			for c.Request(ctx, "nobody", nil, 100*time.Millisecond).Wait(ctx) != NoResponders { // that is the new server's answer
			}
			if err := number(c, "numbers", 10); err != nil {
				return err
			}
			for i := range 10 {
				if err := wants(ctx, messages, strconv.Itoa(i)); err != nil {
					return err
				}
			}
		}
		return c.Close().Wait(ctx)
	})
}

func TestLoopThatClosesEndsTheConnection(t *testing.T) {
	port, kill := server(t, "-1")
	for _, lost := range []bool{false, true} {
		l, err := weftio.Start(weftio.OnStart(Enter), weftio.OnStop(Leave), weftio.Watchdog(0, nil))
		require.NoError(t, err)
		ctx := l.Context(context.Background())
		c, err := Connect(ctx, url(port))
		require.NoError(t, err)
		messages, err := c.Subscribe(ctx, "numbers", 1)
		require.NoError(t, err)
		require.NoError(t, number(c, "numbers", 10))
		require.NoError(t, c.Flush(ctx).Wait(context.Background())) // a thread of nats.c waits for room
		if lost {
			kill() // another looks for the server
		}
		assert.NoError(t, l.Close()) // with no handle of the adapter's left
		assert.ErrorIs(t, end(context.Background(), messages), promise.ErrLoopClosed)
		assert.ErrorIs(t, c.Close().Wait(context.Background()), promise.ErrLoopClosed)
		assert.Equal(t, Closed, c.Publish("numbers", nil))
		assert.Zero(t, l.Stats())
	}
}

func TestNoServer(t *testing.T) {
	port, kill := server(t, "-1")
	kill()
	run(t, func(ctx context.Context) error {
		_, err := Connect(ctx, url(port))
		assert.Equal(t, NoServer, err)
		assert.NoError(t, promise.Pause(ctx).Wait(ctx))
		assert.Empty(t, weftio.LoopFrom(ctx).Tokens())
		return nil
	})
}

// A loop's memory is used again, by a loop of another thread as well, which the thread of the old one must not be taken for.
func TestLoopThatTheAdapterIsNotToldOf(t *testing.T) {
	port, _ := server(t, "-1")
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	none := func(context.Context) error { return nil }
	for range 10 {
		require.NoError(t, weftio.Run(t.Context(), none, weftio.OnStart(Enter), weftio.OnStop(Leave)))
		require.NoError(t, weftio.Run(t.Context(), func(ctx context.Context) error {
			_, err := Connect(ctx, url(port))
			assert.ErrorContains(t, err, "Illegal State")
			return nil
		}))
	}
}

func TestConnectionThatIsTooLateIsClosed(t *testing.T) {
	port, _ := server(t, "-1")
	var c *Client
	var err error
	l, started := weftio.Start(weftio.OnStart(Enter), weftio.OnStop(Leave), weftio.OnStop(func(l *weftio.Loop) {
		c, err = Connect(l.Context(context.Background()), url(port))
	}))
	require.NoError(t, started)
	assert.NoError(t, l.Close())
	require.NoError(t, err)
	assert.Equal(t, Closed, c.Publish("numbers", nil))
	assert.Zero(t, l.Stats())
}

// subscribed returns messages of a client that nobody has any more.
func subscribed(ctx context.Context, port, subject string) (*weftio.CStream[*weftio.CPointer], error) {
	c, err := Connect(ctx, url(port))
	if err != nil {
		return nil, err
	}
	messages, err := c.Subscribe(ctx, subject, 1)
	if err != nil {
		return nil, err
	}
	return messages, c.Flush(ctx).Wait(ctx)
}

func TestConnectionThatNobodyHoldsGoesOn(t *testing.T) {
	port, _ := server(t, "-1")
	run(t, func(ctx context.Context) error {
		messages, err := subscribed(ctx, port, "numbers")
		if err != nil {
			return err
		}
		c, err := Connect(ctx, url(port))
		if err != nil {
			return err
		}
		for i := range 20 {
			runtime.GC()
			if err := c.Publish("numbers", []byte(strconv.Itoa(i))); err != nil {
				return err
			}
			if err := wants(ctx, messages, strconv.Itoa(i)); err != nil {
				return err
			}
		}
		return c.Close().Wait(ctx)
	})
}
