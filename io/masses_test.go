// SPDX-License-Identifier: MIT

package io_test

import (
	"bufio"
	"context"
	"fmt"
	stdio "io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/internal/wine"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// settled checks that promises of a closed loop all have an outcome, and returns how many have a value.
func settled[T any](t *testing.T, ps []*promise.Promise[T]) (values int) {
	t.Helper()
	for _, p := range ps {
		_, err, ok := p.Poll()
		require.True(t, ok)
		if err == nil {
			values++
		}
	}
	return values
}

// mass is how many there are at once: a tenth of it in a short run, under the race detector, which has a limit of its own, and under Wine, which
// is slow.
func mass(n int) int {
	if testing.Short() || wefttest.RaceDetector || wine.Running() {
		return n / 10
	}
	return n
}

func TestTenThousandConnectionsAtOnceAndACloseInTheirMidst(t *testing.T) {
	n := mass(10_000)
	enoughDescriptors(t, n+100)
	for style, serve := range map[string]func(ctx context.Context, ln *weftio.Listener) *weftio.Server{
		"task": func(ctx context.Context, ln *weftio.Listener) *weftio.Server { return weftio.Serve(ctx, ln, echo) },
		"callback": func(ctx context.Context, ln *weftio.Listener) *weftio.Server {
			return weftio.ServeCallback(ctx, ln, func(_ context.Context, c *weftio.Conn) *promise.Promise[promise.Unit] { return c.Each(c.Write) })
		},
		"lazy": func(ctx context.Context, ln *weftio.Listener) *weftio.Server {
			return weftio.Serve(ctx, ln, echo, weftio.LazyStart())
		},
	} {
		t.Run(style, func(t *testing.T) {
			l, ctx := wefttest.Start(t, weftio.OnError(func(error) {}), weftio.Watchdog(0, nil), weftio.Grace(30*time.Second)) // its turns are long, and its end takes them all along
			var srv *weftio.Server
			require.NoError(t, promise.Go(ctx, func(ctx context.Context) error {
				srv = serve(ctx, listen(t, ctx, "tcp4"))
				return nil
			}).Wait(ctx))
			clients, said := startClients(t, srv.Listener().String(), n)
			line, err := said.ReadString('\n')
			require.NoError(t, err)
			assert.Equal(t, "all answered\n", line)
			assert.Equal(t, n, srv.Open())
			line, err = said.ReadString('\n') // their next lines are under way when the loop ends
			require.NoError(t, err)
			assert.Equal(t, "all asked again\n", line)
			require.NoError(t, closeLoop(l))
			assert.Zero(t, l.Stats())
			require.NoError(t, clients.Wait(), "all connections have ended")
		})
	}
}

const clientsEnv = "WEFT_TEST_CLIENTS"

// TestMain runs the tests, or what one of them starts this binary for.
func TestMain(m *testing.M) {
	if address := os.Getenv(clientsEnv); address != "" {
		n, _ := strconv.Atoi(os.Args[1])
		if err := manyClients(address, n); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// startClients runs manyClients in a process of its own, which has descriptors of its own.
func startClients(t *testing.T, address string, n int) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0], strconv.Itoa(n))
	cmd.Env = append(os.Environ(), clientsEnv+"="+address)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewReader(out)
}

// manyClients opens n connections, has a line answered on each, sends another, and waits for the end of them all.
func manyClients(address string, n int) error {
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		conns[i] = c
	}
	for _, c := range conns {
		if err := converse(c); err != nil {
			return err
		}
	}
	fmt.Println("all answered")
	for _, c := range conns {
		_ = say(c, "hello again\n")
	}
	fmt.Println("all asked again")
	for _, c := range conns {
		_, _ = stdio.Copy(stdio.Discard, c) // to the end, whichever
		_ = c.Close()
	}
	return nil
}

func TestAHundredThousandTasksAtOnceAndACloseInTheirMidst(t *testing.T) {
	n := mass(100_000)
	l, ctx := wefttest.Start(t, weftio.OnError(func(error) {}), weftio.Watchdog(0, nil), weftio.Grace(30*time.Second)) // a slow machine needs longer than a second
	half, open := promise.New[int](ctx)
	never, _ := promise.New[int](ctx)
	var tasks []*promise.Promise[int]
	waiting := 0
	err := promise.Go(ctx, func(ctx context.Context) error {
		for i := range n {
			tasks = append(tasks, promise.Spawn(ctx, func(ctx context.Context) (int, error) {
				if waiting++; i%2 == 0 {
					return half.Await(ctx)
				}
				return never.Await(ctx)
			}))
		}
		for waiting < n {
			if err := promise.Pause(ctx).Wait(ctx); err != nil {
				return err
			}
		}
		open.Resolve(1) // half of them are on their way out when the loop ends
		return nil
	}).Wait(ctx)
	require.NoError(t, err)
	require.NoError(t, closeLoop(l))
	assert.LessOrEqual(t, settled(t, tasks), n/2)
	assert.Zero(t, l.Stats())
}
