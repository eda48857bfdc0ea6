// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv/uvtest"
	"github.com/weft-go/weft/wefttest"
)

// What main asks for in its last step would open something, and the loop ends before the next poll.
func TestWhatIsAskedForInTheLastStepIsRefused(t *testing.T) {
	uvtest.NoLeaks(t)
	for name, ask := range map[string]func(ctx context.Context, ln *weftio.Listener) promise.Awaitable{
		"listen": func(ctx context.Context, _ *weftio.Listener) promise.Awaitable {
			return weftio.Listen(ctx, "tcp", "127.0.0.1:0")
		},
		"dial": func(ctx context.Context, ln *weftio.Listener) promise.Awaitable {
			return weftio.Dial(ctx, "tcp", ln.String())
		},
		"dial by name": func(ctx context.Context, _ *weftio.Listener) promise.Awaitable {
			return weftio.Dial(ctx, "tcp", "localhost:1")
		},
		"lookup": func(ctx context.Context, _ *weftio.Listener) promise.Awaitable {
			return weftio.LookupHost(ctx, "localhost")
		},
		"accept": func(_ context.Context, ln *weftio.Listener) promise.Awaitable { return ln.Accept() },
	} {
		t.Run(name, func(t *testing.T) {
			var l *weftio.Loop
			var p promise.Awaitable
			require.NoError(t, weftio.Run(t.Context(), func(ctx context.Context) error {
				l = weftio.LoopFrom(ctx)
				ln := listen(t, ctx, "tcp")
				p = ask(ctx, ln)
				return nil
			}))
			assert.ErrorIs(t, p.Wait(t.Context()), promise.ErrLoopClosed)
			assert.Zero(t, l.Stats())
		})
	}
}

// An Offload keeps the loop draining while it asks for more.
func TestWhatIsAskedForWhileTheLoopDrains(t *testing.T) {
	l, ctx := wefttest.Start(t, weftio.Grace(time.Minute))
	var did, posted atomic.Bool
	asked := make(chan error, 1)
	promise.Offload(ctx, func(ctx context.Context) (promise.Unit, error) {
		<-ctx.Done()
		bg := l.Context(context.Background())
		var errs []error
		for _, p := range []promise.Awaitable{
			weftio.Dial(bg, "tcp", "127.0.0.1:1"), weftio.Listen(bg, "tcp", "127.0.0.1:0"), weftio.LookupHost(bg, "localhost"),
			weftio.Sleep(bg, 0), promise.Pause(bg),
			promise.Go(bg, func(context.Context) error { return nil }),
			promise.Offload(bg, func(context.Context) (int, error) { return 0, nil }),
		} {
			if err := p.Wait(bg); err != promise.ErrLoopClosed {
				errs = append(errs, errors.New("not refused"))
			}
		}
		if err := l.Do(bg, func() { did.Store(true) }); err != promise.ErrLoopClosed {
			errs = append(errs, errors.New("Do is not refused"))
		}
		errs = append(errs, l.Post(func() { posted.Store(true) }))
		asked <- errors.Join(errs...)
		return promise.Unit{}, nil
	})
	require.NoError(t, closeLoop(l))
	require.NoError(t, <-asked)
	assert.False(t, did.Load(), "what Do has refused does not run")
	assert.True(t, posted.Load(), "what Post has taken does")
	assert.Zero(t, l.Stats())
}

// The flush of a connection that its user closes ends in the last turn of the grace: the Close comes to its end with it.
func TestCloseOfAConnectionGoesOnWhileTheLoopEnds(t *testing.T) {
	l, ctx := wefttest.Start(t)
	c, _ := peer(t, ctx)
	var closed *promise.Promise[promise.Unit]
	require.NoError(t, l.Do(ctx, func() {
		c.WriteString("last words")
		closed = c.Close()
		closed.OnSettle(func(promise.Unit, error) {})
	}))
	require.NoError(t, closeLoop(l))
	assert.NoError(t, closed.Wait(t.Context()))
}

func TestCloseNamesOutputThatDidNotLeave(t *testing.T) {
	l, ctx := wefttest.Start(t, weftio.Grace(10*time.Millisecond))
	c, p := peer(t, ctx) // which never reads
	full := c.Write(make([]byte, 64<<20))
	assert.ErrorContains(t, closeLoop(l), "output to "+p.LocalAddr().String())
	assert.ErrorIs(t, full.Wait(t.Context()), promise.ErrLoopClosed)
	assert.Zero(t, l.Stats())
}

func TestCloseNamesTheOptionThatHoldsTheThread(t *testing.T) {
	owned(t, "Detach returns at once, and has nobody to report to")
	release := make(chan struct{})
	for option, with := range map[string]func() weftio.Option{
		"OnStart": func() weftio.Option { return weftio.OnStart(func(*weftio.Loop) { <-release }) },
		"OnStop":  func() weftio.Option { return weftio.OnStop(func(*weftio.Loop) { <-release }) },
		"OnError": func() weftio.Option { return weftio.OnError(func(error) { <-release }) },
	} {
		t.Run(option, func(t *testing.T) {
			l, err := weftio.Start(with(), weftio.Grace(time.Millisecond), weftio.Watchdog(0, nil))
			require.NoError(t, err)
			promise.Go(l.Context(t.Context()), func(context.Context) error { return errTest })
			err = l.Close()
			assert.ErrorContains(t, err, "user code, which is a function given to "+option)
			release <- struct{}{}
			assert.Eventually(t, func() bool { return l.Stats() == weftio.Stats{} }, 5*time.Second, time.Millisecond)
			assert.NoError(t, l.Close())
		})
	}
}

// A thread that is in C code is in no user code that could be named.
func TestCloseOfALoopWhoseThreadIsInC(t *testing.T) {
	owned(t, "Detach returns at once, and has nobody to report to")
	l, ctx := wefttest.Start(t, weftio.Watchdog(0, nil))
	entered, release := make(chan struct{}), make(chan struct{})
	require.NoError(t, l.Do(ctx, func() {
		uvtest.StartTimer(l.UVLoop(), func() { close(entered); <-release })
	}))
	<-entered
	err := l.AwaitEnd(time.Millisecond)
	assert.ErrorContains(t, err, "in C code, or gets no processor")
	assert.NotContains(t, err.Error(), "user code")
	close(release)
	require.NoError(t, l.Close())
}

func TestCloseNamesTheHandlesThatCCodeHasLeft(t *testing.T) {
	owned(t, "the handles are the host's there")
	var closeHandle func()
	l, err := weftio.Start()
	require.NoError(t, err)
	require.NoError(t, l.Do(l.Context(t.Context()), func() { closeHandle = uvtest.StartPrepare(l.UVLoop(), func() {}) }))
	assert.EqualError(t, l.Close(), "weftio: close: not ended: 1 libuv handle of C code (prepare), to be closed in OnStop")

	l, err = weftio.Start(weftio.OnStop(func(*weftio.Loop) { closeHandle() }))
	require.NoError(t, err)
	require.NoError(t, l.Do(l.Context(t.Context()), func() { closeHandle = uvtest.StartPrepare(l.UVLoop(), func() {}) }))
	assert.NoError(t, l.Close())
}
