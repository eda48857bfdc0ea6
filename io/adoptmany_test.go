// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// Two hosts, each on its thread: they talk by TCP, and a task of each awaits promises of the other's.
func TestTwoAdoptedLoopsOnTwoThreads(t *testing.T) {
	var loops [2]*weftio.Loop
	var hosts [2]*uvtest.Host
	for i := range loops {
		adopted := make(chan error)
		hosts[i] = uvtest.StartHost(uvtest.Once(func(host unsafe.Pointer) {
			var err error
			if loops[i], err = weftio.Adopt(host); err == nil {
				loops[i].Hold() // until the loop is detached
			}
			adopted <- err
		}))
		require.NoError(t, <-adopted)
	}
	assert.NotSame(t, loops[0], loops[1])
	here, there := loops[0].Context(t.Context()), loops[1].Context(t.Context())
	echo := promise.Bind(weftio.Listen(there, "tcp", "127.0.0.1:0"), func(ln *weftio.Listener) *promise.Promise[string] {
		weftio.Serve(there, ln, func(ctx context.Context, c *weftio.Conn) error {
			assert.Same(t, loops[1], weftio.LoopFrom(ctx))
			line, err := c.ReadLine().Await(ctx)
			if err != nil {
				return err
			}
			return c.WriteLine(line).Wait(ctx)
		})
		return promise.Resolved(ln.String())
	})
	lines := promise.Spawn(here, func(ctx context.Context) (n int, err error) {
		address, err := echo.Await(ctx) // a promise of the other loop
		if err != nil {
			return 0, err
		}
		for range 20 {
			line, err := weftio.WithConn(ctx, "tcp", address, func(ctx context.Context, c *weftio.Conn) (string, error) {
				c.WriteLine("to and fro")
				return c.ReadLine().Await(ctx)
			}).Await(ctx)
			if err != nil {
				return n, err
			}
			assert.Equal(t, "to and fro", line)
			n++
		}
		return n, nil
	})
	n, err := promise.Spawn(there, func(ctx context.Context) (int, error) { return lines.Await(ctx) }).Await(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 20, n)
	for i, l := range loops {
		require.NoError(t, l.Detach(func(err error) { assert.NoError(t, err) }))
		assert.Equal(t, 0, ends(t, hosts[i]), "uv_loop_close")
	}
}

// A promise that goes to and fro between many hosts, which come and go.
func TestManyHostsAtATime(t *testing.T) {
	var row []*uvtest.Host
	for i := range 8 {
		var steps []func(unsafe.Pointer, int) bool
		for range 5 {
			steps = append(steps, uvtest.Once(func(host unsafe.Pointer) {
				l, err := weftio.Adopt(host)
				if !assert.NoError(t, err) {
					return
				}
				detachAfter(t, l, func(ctx context.Context) error {
					return weftio.Sleep(ctx, time.Duration(i)*100*time.Microsecond).Wait(ctx)
				})
			}))
		}
		row = append(row, uvtest.StartHostRow(steps...)...)
	}
	for _, h := range row {
		assert.Equal(t, 0, ends(t, h))
	}
}

// A thread of C's runs one loop after another. Tasks of the first must not be taken for the second's, and between them the thread is
// nobody's.
func TestAdoptedLoopsOneAfterAnotherOnOneThread(t *testing.T) {
	var order []string
	var loops []*weftio.Loop
	step := func(name string) func(unsafe.Pointer, int) bool {
		return func(host unsafe.Pointer, runs int) bool {
			id, _ := uv.CurrentThread()
			assert.Zero(t, id, "%s, uv_run %d", name, runs)
			if runs > 0 {
				return false
			}
			l, err := weftio.Adopt(host)
			if !assert.NoError(t, err) {
				return false
			}
			if len(loops) > 0 {
				assert.ErrorIs(t, loops[0].Post(func() {}), promise.ErrLoopClosed)
			}
			loops = append(loops, l)
			detachAfter(t, l, func(ctx context.Context) error {
				order = append(order, name)
				assert.Same(t, l, weftio.LoopFrom(ctx))
				client, server := pair(t, ctx)
				client.WriteLine(name)
				line, err := server.ReadLine().Await(ctx)
				assert.Equal(t, name, line)
				return err
			})
			return true
		}
	}
	for _, h := range uvtest.StartHostRow(step("first"), step("second"), step("third")) {
		assert.Equal(t, 0, ends(t, h))
	}
	assert.Equal(t, []string{"first", "second", "third"}, order)
}

// A thread of C's that runs two loops by turns: a task of the one awaits what a task of the other brings.
func TestTwoAdoptedLoopsByTurnsOnOneThread(t *testing.T) {
	const noWait = 2
	n := 0
	h := uvtest.StartHost(func(first unsafe.Pointer, _ int) bool {
		second := uvtest.MakeLoop()
		a, err := weftio.Adopt(first)
		if !assert.NoError(t, err) {
			return false
		}
		b, err := weftio.Adopt(second)
		if !assert.NoError(t, err) {
			return false
		}
		ctx := context.Background()
		left := 2
		detach := func(l *weftio.Loop) {
			assert.NoError(t, l.Detach(func(err error) { assert.NoError(t, err); left-- }))
		}
		promise.Go(a.Context(ctx), func(ctx context.Context) error {
			for range 10 {
				v, err := promise.Spawn(b.Context(context.Background()), func(ctx context.Context) (int, error) {
					assert.Same(t, b, weftio.LoopFrom(ctx))
					return 1, weftio.Sleep(ctx, time.Millisecond).Wait(ctx)
				}).Await(ctx)
				if err != nil {
					return err
				}
				assert.Same(t, a, weftio.LoopFrom(ctx))
				n += v
			}
			return nil
		}).OnSettle(func(_ promise.Unit, err error) {
			assert.NoError(t, err)
			detach(a)
			assert.NoError(t, b.Post(func() { detach(b) }))
		})
		for left > 0 {
			uvtest.RunLoop(first, noWait)
			uvtest.RunLoop(second, noWait)
		}
		assert.Zero(t, uvtest.FreeLoop(second))
		return false
	})
	assert.Equal(t, 0, ends(t, h))
	assert.Equal(t, 10, n)
}
