// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

func TestCloseSettlesEverythingInFlight(t *testing.T) {
	l, ctx := wefttest.Start(t)
	client, server := pair(t, ctx)
	ln := listen(t, ctx, "tcp")
	forever, _ := promise.New[int](ctx)
	reads := []promise.Awaitable{
		client.ReadLine(), client.ReadAll(0), server.Read(10), server.ReadInto(make([]byte, 5)),
		ln.Accept(), weftio.Sleep(ctx, time.Hour), forever, promise.Map(forever, func(i int) (int, error) { return i, nil }),
		promise.Go(ctx, func(ctx context.Context) error { return weftio.Sleep(ctx, time.Hour).Wait(ctx) }),
		promise.Offload(ctx, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, context.Cause(ctx) }),
	}
	done := forever.Done()
	var waiting sync.WaitGroup
	for _, p := range reads {
		waiting.Go(func() { assert.ErrorIs(t, p.Wait(context.Background()), promise.ErrLoopClosed) })
	}
	require.NoError(t, l.Do(ctx, func() {}))
	require.NoError(t, closeLoop(l))
	require.NoError(t, closeLoop(l), "a second Close is harmless")
	waiting.Wait()
	<-done
	for name, p := range map[string]promise.Awaitable{
		"write": client.WriteString("x"), "read": server.ReadLine(), "flush": client.Close(), "accept": ln.Accept(),
		"listen": weftio.Listen(ctx, "tcp", "127.0.0.1:0"), "dial": weftio.Dial(ctx, "tcp", "127.0.0.1:1"), "lookup": weftio.LookupHost(ctx, "localhost"),
	} {
		assert.ErrorIs(t, p.Wait(t.Context()), promise.ErrLoopClosed, name)
	}
}

func TestCloseFlushesWhatWasWritten(t *testing.T) {
	l, ctx := wefttest.Start(t)
	c, p := peer(t, ctx)
	c.WriteString("last words")
	require.NoError(t, closeLoop(l))
	got := make([]byte, 20)
	n, err := p.Read(got)
	require.NoError(t, err)
	assert.Equal(t, "last words", string(got[:n]))
}

func TestCloseNamesWhatDoesNotEnd(t *testing.T) {
	release := make(chan struct{})
	l, ctx := wefttest.Start(t, weftio.Grace(20*time.Millisecond))
	forever, _ := promise.New[int](ctx)
	promise.Go(ctx, func(ctx context.Context) error { return stubbornTask(ctx, forever) })
	p := promise.Offload(ctx, func(context.Context) (int, error) { return stubbornOffload(release) })
	require.NoError(t, l.Do(ctx, func() {}))
	err := closeLoop(l)
	assert.ErrorContains(t, err, "task github.com/weft-go/weft/io_test.TestCloseNamesWhatDoesNotEnd.func1")
	assert.ErrorContains(t, err, "offload github.com/weft-go/weft/io_test.TestCloseNamesWhatDoesNotEnd.func2")
	assert.Equal(t, err, closeLoop(l))
	assert.Equal(t, 2, l.Stats().Tasks)
	close(release)
	assert.ErrorIs(t, p.Wait(t.Context()), promise.ErrLoopClosed)
	assert.Eventually(t, func() bool { return l.Stats().Tasks == 1 }, 5*time.Second, time.Millisecond, "the Offload ends by itself")
	assert.Zero(t, l.Stats().Bytes)
}

func stubbornTask(ctx context.Context, p *promise.Promise[int]) error {
	for {
		_, _ = p.Await(ctx)
	}
}

func stubbornOffload(release chan struct{}) (int, error) {
	<-release
	return 1, nil
}

func TestCloseReportsATaskThatHoldsTheThread(t *testing.T) {
	owned(t, "Detach returns at once, and has nobody to report to")
	l, ctx := wefttest.Start(t, weftio.Grace(time.Millisecond), wefttest.Allow("has been held"))
	release, entered := make(chan struct{}), make(chan struct{})
	promise.Go(ctx, func(context.Context) error {
		close(entered)
		<-release // what a task must not do
		return nil
	})
	<-entered
	assert.ErrorContains(t, l.Close(), "TestCloseReportsATaskThatHoldsTheThread")
	close(release)
	assert.Eventually(t, func() bool { return l.Stats() == weftio.Stats{} }, 5*time.Second, time.Millisecond)
}

func TestTasksCleanUpDuringTheGrace(t *testing.T) {
	var order []string
	require.NoError(t, weftio.Run(t.Context(), func(ctx context.Context) error {
		promise.Go(ctx, func(ctx context.Context) error {
			defer func() { order = append(order, "cleaned up") }()
			err := weftio.Sleep(ctx, time.Hour).Wait(ctx)
			assert.ErrorIs(t, err, promise.ErrLoopClosed)
			return err
		})
		return promise.Pause(ctx).Wait(ctx)
	}))
	assert.Equal(t, []string{"cleaned up"}, order)
}
