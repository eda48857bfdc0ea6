// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"iter"
	"runtime"
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

func TestRunReturnsWhatMainReturns(t *testing.T) {
	assert.NoError(t, weftio.Run(t.Context(), func(context.Context) error { return nil }))
	assert.Equal(t, errTest, weftio.Run(t.Context(), func(context.Context) error { return errTest }))
	err := weftio.Run(t.Context(), func(context.Context) error { panic(errTest) })
	var perr *promise.PanicError
	require.ErrorAs(t, err, &perr)
	assert.ErrorIs(t, err, errTest)
	assert.Contains(t, string(perr.Stack), "loop_test.go")
}

func TestAfterRunHasPanickedItsGoroutineRunsALoop(t *testing.T) {
	var none context.Context
	returns := func(context.Context) error { return nil }
	assert.PanicsWithValue(t, "weftio: Run: the context is nil: use context.Background()", func() { _ = weftio.Run(none, returns) })
	assert.Panics(t, func() { _ = weftio.Run(t.Context(), nil) })
	assert.Panics(t, func() { _ = weftio.Run(t.Context(), returns, nil) })
	assert.NoError(t, weftio.Run(t.Context(), returns))
}

func TestNestedRunIsAnError(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		err := weftio.Run(ctx, func(context.Context) error { return nil })
		assert.ErrorIs(t, err, weftio.ErrNested)
		assert.ErrorContains(t, err, "promise.Spawn")
		return nil
	})
}

func TestEndOfContextEndsMainsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	err := weftio.Run(ctx, func(ctx context.Context) error {
		cancel(errTest)
		return weftio.Sleep(ctx, time.Hour).Wait(ctx)
	})
	assert.ErrorIs(t, err, errTest)
}

func TestGoexitInMainEndsTheCaller(t *testing.T) {
	ended := make(chan bool)
	go func() {
		returned := false
		defer func() { ended <- !returned }()
		_ = weftio.Run(context.Background(), func(context.Context) error { runtime.Goexit(); return nil })
		returned = true
	}()
	assert.True(t, <-ended)
}

func TestFailedRequireInMainTaskAndCallback(t *testing.T) {
	fake := &fakeT{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = weftio.Run(context.Background(), func(context.Context) error {
			require.Fail(fake, "in main")
			return nil
		})
	}()
	<-done
	assert.True(t, fake.failed.Swap(false))
	wefttest.Run(t, func(ctx context.Context) error {
		p := promise.Go(ctx, func(context.Context) error { require.Fail(fake, "in a task"); return nil })
		assert.Equal(t, promise.ErrGoexit, p.Wait(ctx))
		assert.True(t, fake.failed.Swap(false))
		q := promise.Map(weftio.Sleep(ctx, 0), func(promise.Unit) (int, error) { require.Fail(fake, "in a callback"); return 0, nil })
		assert.Equal(t, promise.ErrGoexit, q.Wait(ctx))
		assert.True(t, fake.failed.Swap(false))
		return weftio.Sleep(ctx, time.Millisecond).Wait(ctx) // the loop lives on
	})
}

// fakeT is what a test that fails looks like to require.
type fakeT struct{ failed atomic.Bool }

func (f *fakeT) Errorf(string, ...any) { f.failed.Store(true) }
func (f *fakeT) FailNow()              { runtime.Goexit() }

func TestPanicsInCallbacksAreReported(t *testing.T) {
	var reported []error
	wefttest.Run(t, func(ctx context.Context) error {
		loop := weftio.LoopFrom(ctx)
		require.NoError(t, loop.Post(func() { panic(errTest) }))
		weftio.Sleep(ctx, 0).OnSettle(func(promise.Unit, error) { panic("bare") })
		promise.Go(ctx, func(context.Context) error { return errors.ErrUnsupported })
		return weftio.Sleep(ctx, time.Millisecond).Wait(ctx)
	}, weftio.OnError(func(err error) { reported = append(reported, err) }))
	require.Len(t, reported, 3)
	err := errors.Join(reported...)
	assert.ErrorIs(t, err, errTest)
	assert.ErrorIs(t, err, errors.ErrUnsupported)
	assert.ErrorContains(t, err, "bare")
}

func TestAwaitInABareCallbackSaysSo(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		p := promise.Map(weftio.Sleep(ctx, 0), func(promise.Unit) (int, error) {
			return 0, weftio.Sleep(ctx, 0).Wait(ctx)
		})
		err := p.Wait(ctx)
		assert.ErrorIs(t, err, promise.ErrWouldDeadlock)
		assert.ErrorContains(t, err, "promise.Spawn")
		return nil
	})
}

func TestContextWithoutALoopSaysSo(t *testing.T) {
	ctx := t.Context()
	for name, err := range map[string]error{
		"sleep":  weftio.Sleep(ctx, 0).Wait(ctx),
		"dial":   weftio.Dial(ctx, "tcp", "127.0.0.1:1").Wait(ctx),
		"listen": weftio.Listen(ctx, "tcp", "127.0.0.1:0").Wait(ctx),
		"lookup": weftio.LookupHost(ctx, "localhost").Wait(ctx),
	} {
		assert.ErrorIs(t, err, promise.ErrNoLoop, name)
	}
	assert.Nil(t, weftio.LoopFrom(ctx))
}

func TestLoopWorksFromOtherGoroutines(t *testing.T) {
	l, ctx := wefttest.Start(t)
	for range 3 {
		require.NoError(t, weftio.Sleep(ctx, time.Millisecond).Wait(ctx))
	}
	var order []int
	require.NoError(t, l.Post(func() { order = append(order, 1) }))
	require.NoError(t, l.Do(ctx, func() {
		order = append(order, 2)
		assert.NoError(t, l.Do(ctx, func() { order = append(order, 3) }), "on the loop it runs at once")
		if !hosted {
			assert.ErrorIs(t, l.Close(), promise.ErrWouldDeadlock)
			assert.ErrorIs(t, l.Shutdown(ctx), promise.ErrWouldDeadlock)
		}
	}))
	assert.Equal(t, []int{1, 2, 3}, order)
	var perr *promise.PanicError
	assert.ErrorAs(t, l.Do(ctx, func() { panic("x") }), &perr)
	assert.ErrorIs(t, l.Do(ctx, runtime.Goexit), promise.ErrGoexit)
	assert.NotNil(t, l.UVLoop())
	require.NoError(t, closeLoop(l))
	assert.ErrorIs(t, l.Post(func() {}), promise.ErrLoopClosed)
	assert.ErrorIs(t, l.Do(ctx, func() {}), promise.ErrLoopClosed)
}

func TestManyGoroutinesAwaitOneLoop(t *testing.T) {
	l, ctx := wefttest.Start(t)
	var sum atomic.Int64
	done := make(chan struct{})
	for i := range 50 {
		go func() {
			defer func() { done <- struct{}{} }()
			for range 20 {
				p := promise.Map(weftio.Sleep(ctx, time.Duration(i)*time.Microsecond), func(promise.Unit) (int, error) { return 1, nil })
				v, err := p.Await(ctx)
				assert.NoError(t, err)
				sum.Add(int64(v))
			}
		}()
	}
	for range 50 {
		<-done
	}
	assert.EqualValues(t, 1000, sum.Load())

	require.NoError(t, closeLoop(l))
}

func TestHoldKeepsRunFromReturning(t *testing.T) {
	var late bool
	require.NoError(t, weftio.Run(t.Context(), func(ctx context.Context) error {
		release := weftio.LoopFrom(ctx).Hold()
		weftio.Sleep(ctx, 5*time.Millisecond).OnSettle(func(promise.Unit, error) {
			late = true
			release()
			release()
		})
		return nil
	}))
	assert.True(t, late)
}

func TestShutdownWaitsForTasks(t *testing.T) {
	owned(t, "Shutdown is not for adopted loops")
	l, ctx := wefttest.Start(t)
	p := promise.Go(ctx, func(ctx context.Context) error { return weftio.Sleep(ctx, 20*time.Millisecond).Wait(ctx) })
	require.NoError(t, l.Shutdown(t.Context()))
	assert.NoError(t, p.Wait(t.Context()))

	l, ctx = wefttest.Start(t)
	promise.Go(ctx, func(ctx context.Context) error { return weftio.Sleep(ctx, time.Hour).Wait(ctx) })
	short, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	assert.ErrorIs(t, l.Shutdown(short), context.DeadlineExceeded)
}

func TestTimersReadyBeforeThePollDoNotHang(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		for range 1000 {
			require.NoError(t, weftio.Sleep(ctx, 0).Wait(ctx))
			require.NoError(t, promise.Pause(ctx).Wait(ctx))
		}
		return nil
	})
}

func TestSleepIsNeverEarlyAndKeepsOrder(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		var order []int
		for i, d := range []time.Duration{3, 1, 2} {
			d *= 5 * time.Millisecond
			begin := time.Now()
			weftio.Sleep(ctx, d).OnSettle(func(promise.Unit, error) {
				assert.GreaterOrEqual(t, time.Since(begin), d)
				order = append(order, i)
			})
		}
		require.NoError(t, weftio.Sleep(ctx, 20*time.Millisecond).Wait(ctx))
		assert.Equal(t, []int{1, 2, 0}, order)
		return nil
	})
}

func TestTwoLoopsAwaitEachOther(t *testing.T) {
	a, actx := wefttest.Start(t)
	b, bctx := wefttest.Start(t)
	p := promise.Spawn(actx, func(ctx context.Context) (int, error) {
		inner := promise.Spawn(bctx, func(ctx context.Context) (int, error) {
			return 1, weftio.Sleep(ctx, time.Millisecond).Wait(ctx)
		})
		v, err := inner.Await(ctx)
		if err != nil {
			return 0, err
		}
		w, err := promise.Bind(weftio.Sleep(ctx, 0), func(promise.Unit) *promise.Promise[int] {
			return promise.Map(weftio.Sleep(bctx, time.Millisecond), func(promise.Unit) (int, error) {
				assert.NoError(t, b.Do(bctx, func() {}))
				return 2, nil
			})
		}).Await(ctx)
		return v + w, err
	})
	v, err := p.Await(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 3, v)
	q := promise.Spawn(actx, func(ctx context.Context) (promise.Unit, error) {
		return weftio.Sleep(bctx, time.Hour).Await(ctx)
	})
	require.NoError(t, weftio.Sleep(actx, time.Millisecond).Wait(t.Context()))
	require.NoError(t, closeLoop(b))
	assert.ErrorIs(t, q.Wait(t.Context()), promise.ErrLoopClosed)
	require.NoError(t, closeLoop(a))
}

func TestForeignHandleOnTheLoopMayCallGo(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		p, r := promise.New[int](ctx)
		uvtest.StartTimer(weftio.LoopFrom(ctx).UVLoop(), func() { r.Resolve(42) })
		v, err := p.Await(ctx)
		assert.Equal(t, 42, v)
		return err
	})
}

func TestAwaitBelowACFrameSaysSo(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		var err error
		uvtest.Call(func() { err = weftio.Sleep(ctx, 0).Wait(ctx) })
		assert.ErrorIs(t, err, promise.ErrWouldDeadlock)
		return weftio.Sleep(ctx, 0).Wait(ctx)
	})
}

func TestAwaitInsideAnIteratorOfTheTask(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		next, stop := iter.Pull(func(yield func(error) bool) {
			for yield(weftio.Sleep(ctx, time.Microsecond).Wait(ctx)) {
			}
		})
		defer stop()
		for range 10 {
			err, ok := next()
			assert.NoError(t, err)
			assert.True(t, ok)
		}
		return nil
	})
}

func TestStatsCountWhatTheLoopHolds(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		loop := weftio.LoopFrom(ctx)
		before := loop.Stats()
		assert.Equal(t, 1, before.Tasks, "this one")
		p, r := promise.New[int](ctx)
		assert.Equal(t, before.Pending+1, loop.Stats().Pending)
		q := promise.Map(p, func(n int) (int, error) { return n, nil })
		assert.Equal(t, before.Pending+2, loop.Stats().Pending)
		task := promise.Spawn(ctx, func(ctx context.Context) (int, error) { return q.Await(ctx) })
		assert.Equal(t, 2, loop.Stats().Tasks)
		r.Resolve(1)
		require.NoError(t, task.Wait(ctx))
		ln := listen(t, ctx, "tcp")
		assert.Equal(t, before.Handles+1, loop.Stats().Handles)
		assert.Greater(t, loop.Stats().Tokens, before.Tokens)
		assert.Greater(t, loop.Stats().Bytes, before.Bytes)
		require.NoError(t, ln.Close().Wait(ctx))
		before.Bytes = loop.Stats().Bytes // arrays have grown
		assert.Equal(t, before, loop.Stats())
		return nil
	})
}
