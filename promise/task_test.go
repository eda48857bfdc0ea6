// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

func TestTasksTakeTurns(t *testing.T) {
	run(t, func(ctx context.Context, _ *promisetest.Loop) error {
		var order []string
		task := func(name string) *promise.Promise[unit] {
			return promise.Go(ctx, func(ctx context.Context) error {
				for i := range 3 {
					order = append(order, fmt.Sprint(name, i))
					if err := promise.Pause(ctx).Wait(ctx); err != nil {
						return err
					}
				}
				return nil
			})
		}
		a, b := task("a"), task("b")
		assert.Empty(t, order, "a task starts in a later step")
		require.NoError(t, promise.All(a, b).Wait(ctx))
		assert.Equal(t, []string{"a0", "b0", "a1", "b1", "a2", "b2"}, order)
		return nil
	})
}

func TestTaskEndsByReturnPanicOrGoexit(t *testing.T) {
	run(t, func(ctx context.Context, _ *promisetest.Loop) error {
		for want, end := range map[error]func() error{
			errTest:               func() error { return errTest },
			promise.ErrGoexit:     func() error { runtime.Goexit(); return nil },
			errors.ErrUnsupported: func() error { panic(errors.ErrUnsupported) },
		} {
			for range 300 { // more than the pool keeps
				assert.ErrorIs(t, promise.Go(ctx, func(context.Context) error { return end() }).Wait(ctx), want)
			}
		}
		return nil
	})
}

func TestAwaitInABareCallbackIsAnError(t *testing.T) {
	l := newLoop(t)
	p, _ := pending(l)
	var err error
	require.NoError(t, l.Queue().Post(func() { err = p.Wait(l.Context()) }))
	l.Flush()
	assert.ErrorIs(t, err, promise.ErrWouldDeadlock)
	assert.ErrorContains(t, err, "promise.Spawn")
	p.Cancel()
}

func TestCancellingATaskEndsItsContextOnce(t *testing.T) {
	run(t, func(ctx context.Context, _ *promisetest.Loop) error {
		var child *promise.Promise[unit]
		p := promise.Spawn(ctx, func(ctx context.Context) (int, error) {
			child = promise.Sleep(ctx, time.Hour)
			_, err := promise.Sleep(ctx, time.Hour).Await(ctx)
			assert.ErrorIs(t, err, errTest)
			assert.ErrorIs(t, context.Cause(ctx), errTest)
			assert.Equal(t, context.Canceled, ctx.Err())
			<-ctx.Done()
			return 7, promise.Sleep(ctx, time.Second).Wait(context.WithoutCancel(ctx))
		})
		require.NoError(t, promise.Pause(ctx).Wait(ctx))
		p.CancelCause(errTest)
		assert.Equal(t, promise.StatePending, p.State(), "it settles when its function returns")
		v, err := p.Await(ctx)
		assert.ErrorIs(t, err, promise.ErrCanceled, "Sleep was started with a ctx that had ended")
		assert.Zero(t, v)
		assert.ErrorIs(t, child.Wait(ctx), errTest, "what it had started is cancelled")
		unstarted := promise.Go(ctx, func(context.Context) error { t.Error("ran"); return nil })
		unstarted.Cancel()
		assert.ErrorIs(t, unstarted.Wait(ctx), promise.ErrCanceled)
		return nil
	})
}

func TestContextsPassFromTaskToTask(t *testing.T) {
	type key struct{}
	run(t, func(ctx context.Context, l *promisetest.Loop) error {
		var inner *promise.Promise[unit]
		outer := promise.Go(context.WithValue(ctx, key{}, "v"), func(ctx context.Context) error {
			inner = promise.Go(ctx, func(ctx context.Context) error {
				assert.Equal(t, "v", ctx.Value(key{}))
				assert.Same(t, l.Queue(), promise.QueueFrom(ctx))
				c, cancel := context.WithCancel(ctx)
				defer cancel()
				return promise.Sleep(c, time.Hour).Wait(c)
			})
			return nil
		})
		require.NoError(t, outer.Wait(ctx))
		require.NoError(t, promise.Pause(ctx).Wait(ctx))
		assert.Equal(t, promise.StatePending, inner.State(), "the end of a task does not end its children")
		inner.Cancel()
		assert.ErrorIs(t, inner.Wait(ctx), promise.ErrCanceled)
		return nil
	})
}

func TestAwaitCancelsWhatNobodyElseWants(t *testing.T) {
	run(t, func(ctx context.Context, l *promisetest.Loop) error {
		giveUp := func(p *promise.Promise[int]) {
			c, cancel := promise.ContextTimeout(ctx, time.Second)
			defer cancel()
			_, err := p.Await(c)
			assert.Equal(t, promise.ErrTimeout, err)
		}
		alone, r := pending(l)
		giveUp(alone)
		assert.True(t, r.Canceled())
		for name, interest := range map[string]func(p *promise.Promise[int]){
			"callback": func(p *promise.Promise[int]) { p.OnSettle(func(int, error) {}) },
			"derived":  func(p *promise.Promise[int]) { promise.Map(p, double) },
			"channel":  func(p *promise.Promise[int]) { p.Done() },
			"await":    func(p *promise.Promise[int]) { promise.Go(ctx, p.Wait); _ = promise.Pause(ctx).Wait(ctx) },
		} {
			p, r := pending(l)
			interest(p)
			giveUp(p)
			assert.False(t, r.Canceled(), name)
			r.Resolve(1)
		}
		p, r := pending(l)
		giveUp(p.NoCancel())
		r.Resolve(5)
		v, err := p.Await(ctx)
		assert.Equal(t, 5, v)
		return err
	})
}

func TestAwaitReturnsWhatIsThereAlsoAfterTheEnd(t *testing.T) {
	run(t, func(ctx context.Context, _ *promisetest.Loop) error {
		c, cancel := context.WithCancel(ctx)
		cancel()
		v, err := promise.Resolved(1).Await(c)
		assert.Equal(t, 1, v)
		assert.NoError(t, err)
		return nil
	})
}

func TestManySpawnsUnderOneTaskKeepTheHeapFlat(t *testing.T) {
	run(t, func(ctx context.Context, _ *promisetest.Loop) error {
		round := func() {
			_ = promise.Go(ctx, func(ctx context.Context) error {
				c, cancel := context.WithCancel(ctx)
				defer cancel()
				<-promise.Resolved(1).Done()
				return promise.Pause(c).Wait(c)
			}).Wait(ctx)
		}
		for range 100 {
			round()
		}
		before := heap()
		for range many / 10 {
			round()
		}
		assert.Less(t, heap(), before+1<<20)
		return nil
	})
}

func TestSettlesExactlyOnceFromManyGoroutines(t *testing.T) {
	l := newLoop(t)
	for range many / 50 {
		p, r := pending(l)
		var won, seen atomic.Int32
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				p.OnSettle(func(int, error) { seen.Add(1) })
				switch i % 3 {
				case 0:
					if r.Resolve(i) {
						won.Add(1)
					}
				case 1:
					if r.Reject(errTest) {
						won.Add(1)
					}
				default:
					promise.Map(p, double).Cancel()
				}
				promise.Bind(p, doubled).OnSettle(func(int, error) { seen.Add(1) })
			})
		}
		all.Wait()
		l.Flush()
		canceled := 0
		if err, ok := outcome(p).(error); ok && errors.Is(err, promise.ErrCanceled) {
			canceled = 1
		}
		assert.EqualValues(t, 1, int(won.Load())+canceled)
		assert.EqualValues(t, 16, seen.Load(), "every callback runs once")
	}
}

func TestGoroutinesAwaitWhileTheLoopRuns(t *testing.T) {
	l := newLoop(t)
	main := make(chan error)
	stop, r := pending(l)
	go func() { main <- l.Run(func(ctx context.Context) error { return stop.Wait(ctx) }) }()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range many / 500 {
				v, err := promise.Map(promise.Pause(l.Context()), func(unit) (int, error) { return 1, nil }).Await(t.Context())
				assert.NoError(t, err)
				assert.Equal(t, 1, v)
				ctx, cancel := context.WithCancel(t.Context())
				go cancel()
				p, _ := pending(l)
				assert.ErrorIs(t, p.Wait(ctx), context.Canceled)
			}
		})
	}
	all.Wait()
	r.Resolve(1)
	assert.NoError(t, <-main)
}

func TestTwoLoopsShareATask(t *testing.T) {
	a, b := newLoop(t), newLoop(t)
	inner, r := pending(b)
	bound := promise.Bind(promise.Pause(a.Context()), func(unit) *promise.Promise[int] { return inner })
	lost, _ := pending(b)
	raced := promise.Choose(promise.Map(bound, double), lost)
	cancelled := promise.Bind(promise.Pause(a.Context()), func(unit) *promise.Promise[int] { return lost.Protected() })
	a.Flush()
	assert.Equal(t, "pending", outcome(bound))
	r.Resolve(21)
	b.Flush()
	a.Flush()
	assert.Equal(t, 21, outcome(bound))
	assert.Equal(t, 42, outcome(raced))
	cancelled.Cancel()
	b.Flush()
	a.Flush()
	assert.ErrorIs(t, outcome(cancelled).(error), promise.ErrCanceled)
	all := promise.All(lost, promise.Map(promise.Pause(a.Context()), func(unit) (int, error) { return 1, nil }))
	across := promise.WithContext(a.Context(), lost)
	a.Flush()
	assert.Empty(t, b.Close())
	a.Flush()
	assert.ErrorIs(t, outcome(lost).(error), promise.ErrLoopClosed)
	assert.ErrorIs(t, outcome(across).(error), promise.ErrLoopClosed)
	assert.ErrorIs(t, outcome(all).(error), promise.ErrLoopClosed)
}

func TestCloseLetsEverybodyGo(t *testing.T) {
	l := promisetest.New()
	p, r := pending(l)
	kept, kr := pending(l)
	kr.Resolve(3)
	ctx, cancel := promise.ContextTimeout(l.Context(), time.Hour)
	defer cancel()
	done := p.Done()
	waiting := make(chan error)
	go func() { waiting <- p.Wait(context.Background()) }()
	promise.Go(l.Context(), func(ctx context.Context) error {
		for {
			_, _ = p.Await(ctx)
		}
	})
	l.Flush()
	ran := false
	promise.Map(kept, func(int) (int, error) { ran = true; return 0, nil })
	left := l.Close()
	require.Len(t, left, 1)
	assert.Contains(t, left[0], "TestCloseLetsEverybodyGo")
	assert.Equal(t, promise.ErrLoopClosed, <-waiting)
	<-done
	assert.Equal(t, promise.ErrLoopClosed, outcome(p))
	assert.False(t, r.Resolve(1))
	assert.Equal(t, 3, outcome(kept), "values stay readable")
	assert.Equal(t, promise.ErrLoopClosed, outcome(promise.Map(kept, double)))
	assert.Equal(t, promise.ErrLoopClosed, outcome(promise.Sleep(l.Context(), 1)))
	assert.Equal(t, promise.ErrLoopClosed, l.Queue().Post(func() {}))
	assert.ErrorIs(t, context.Cause(ctx), promise.ErrLoopClosed)
	assert.True(t, ran, "what was queued ran in the grace")
}
