// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

func TestCancelGoesToTheLeavesAndSpreadsForward(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	q, _ := pending(l)
	d := promise.Bind(promise.Map(promise.Choose(p, q), double), doubled)
	d.CancelCause(errTest)
	for _, leaf := range []*promise.Promise[int]{p, q} {
		err, _ := outcome(leaf).(error)
		assert.ErrorIs(t, err, promise.ErrCanceled, "at once")
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, errTest)
	}
	assert.True(t, r.Canceled())
	assert.False(t, r.Resolve(1))
	assert.ErrorIs(t, flushed(l, d).(error), errTest)
}

func TestCancelOfABoundPromiseGoesToTheInnerOne(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	inner, _ := pending(l)
	d := promise.Bind(p, func(int) *promise.Promise[int] { return inner })
	r.Resolve(1)
	l.Flush()
	d.Cancel()
	assert.ErrorIs(t, outcome(inner).(error), promise.ErrCanceled)
}

func TestCancelBeforeTheInputHasSettledNeverRunsTheCallback(t *testing.T) {
	l := newLoop(t)
	p, _ := pending(l)
	ran := false
	d := promise.Bind(p, func(int) *promise.Promise[int] { ran = true; return p })
	m := promise.Map(p, func(int) (int, error) { ran = true; return 0, nil })
	d.Cancel()
	assert.ErrorIs(t, flushed(l, d).(error), promise.ErrCanceled)
	assert.ErrorIs(t, flushed(l, m).(error), promise.ErrCanceled)
	assert.False(t, ran)
}

func TestCancelOnceTheInputHasSettledGoesToWhatTheCallbackReturns(t *testing.T) {
	l := newLoop(t)
	cause := errors.New("too late")
	for name, derive := range map[string]func(p, inner *promise.Promise[int]) *promise.Promise[int]{
		"Bind": func(p, inner *promise.Promise[int]) *promise.Promise[int] {
			return promise.Bind(p, func(int) *promise.Promise[int] { return inner })
		},
		"Then": func(p, inner *promise.Promise[int]) *promise.Promise[int] {
			return promise.Then(p, func(int) *promise.Promise[int] { return inner },
				func(error) *promise.Promise[int] { return inner })
		},
		"Catch": func(p, inner *promise.Promise[int]) *promise.Promise[int] {
			return promise.Map(p, func(int) (int, error) { return 0, errors.New("no") }).
				Catch(func(error) *promise.Promise[int] { return inner })
		},
		"Finally": func(p, inner *promise.Promise[int]) *promise.Promise[int] {
			return p.Finally(func() *promise.Promise[promise.Unit] {
				return promise.Map(inner, func(int) (promise.Unit, error) { return promise.Unit{}, nil })
			})
		},
		"Bind of Bind": func(p, inner *promise.Promise[int]) *promise.Promise[int] {
			return promise.Bind(promise.Resolved(0), func(int) *promise.Promise[int] {
				return promise.Bind(p, func(int) *promise.Promise[int] { return inner })
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, r := pending(l)
			inner, _ := pending(l)
			d := derive(p, inner)
			l.Flush()
			r.Resolve(1)
			d.CancelCause(cause)
			assert.Equal(t, "pending", outcome(d), "the callback has to run first")
			l.Flush()
			assert.ErrorIs(t, outcome(inner).(error), cause)
			assert.ErrorIs(t, outcome(d).(error), cause)
		})
	}
}

func TestOnceTheInputHasSettledTheCallbackGetsTheValue(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	var got []int
	d := promise.Bind(p, func(v int) *promise.Promise[int] { got = append(got, v); return promise.Resolved(v + 1) })
	m := promise.Map(p, func(v int) (int, error) { got = append(got, v); return v + 2, nil })
	r.Resolve(1)
	d.Cancel()
	m.Cancel()
	assert.Equal(t, 2, flushed(l, d))
	assert.Equal(t, 3, flushed(l, m))
	assert.Equal(t, []int{1, 1}, got)
}

// The callback holds the loop while another goroutine cancels.
func TestCancelFromAGoroutineWhileTheCallbackRunsGoesToWhatItReturns(t *testing.T) {
	l, other := newLoop(t), newLoop(t)
	near, _ := pending(l)
	far, _ := pending(other)
	for name, returned := range map[string]*promise.Promise[int]{
		"the same loop": near, "another loop": far, "a shield": near.NoCancel(),
	} {
		t.Run(name, func(t *testing.T) {
			p, r := pending(l)
			var d *promise.Promise[int]
			d = promise.Bind(p, func(int) *promise.Promise[int] {
				done := make(chan struct{})
				go func() { defer close(done); d.Cancel() }()
				<-done
				return returned
			})
			r.Resolve(1)
			for _, one := range []*promisetest.Loop{l, other, l} {
				one.Flush()
			}
			if name == "a shield" {
				near.Cancel()
				l.Flush()
			}
			assert.ErrorIs(t, outcome(returned).(error), promise.ErrCanceled)
			assert.ErrorIs(t, flushed(l, d).(error), promise.ErrCanceled)
		})
	}
}

// The callback ends a race that the result of Bind has lost: what it returns must not go on, and take a value.
func TestACallbackThatHasTheResultCancelledHasWhatItReturnsCancelled(t *testing.T) {
	for name, race := range map[string]func(l *promisetest.Loop, p *promise.Promise[int], f func(end func()) *promise.Promise[int]){
		"Pick": func(l *promisetest.Loop, p *promise.Promise[int], f func(end func()) *promise.Promise[int]) {
			stop, r := pending(l)
			promise.Pick(promise.Bind(p, func(int) *promise.Promise[int] { return f(func() { r.Resolve(1) }) }), stop)
		},
		"AllFailFast": func(l *promisetest.Loop, p *promise.Promise[int], f func(end func()) *promise.Promise[int]) {
			stop, r := pending(l)
			all := promise.AllFailFast(promise.Bind(p, func(int) *promise.Promise[int] { return f(func() { r.Reject(errTest) }) }), stop)
			all.OnSettle(func([]int, error) {})
		},
		"WithContext": func(l *promisetest.Loop, p *promise.Promise[int], f func(end func()) *promise.Promise[int]) {
			ctx, cancel := promise.ContextTimeout(l.Context(), time.Hour)
			promise.WithContext(ctx, promise.Bind(p, func(int) *promise.Promise[int] { return f(cancel) }))
		},
		"a task that awaits it": func(l *promisetest.Loop, p *promise.Promise[int], f func(end func()) *promise.Promise[int]) {
			var task *promise.Promise[int]
			d := promise.Bind(p, func(int) *promise.Promise[int] { return f(func() { task.Cancel() }) })
			task = promise.Spawn(l.Context(), func(ctx context.Context) (int, error) { return d.Await(ctx) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			p, r := pending(l)
			v := newValue(l.Context())
			race(l, p, func(end func()) *promise.Promise[int] { end(); return v.Promise() })
			l.Flush()
			r.Resolve(1)
			l.Flush()
			v.complete(7)
			assert.Equal(t, 7, v.kept)
		})
	}
}

func TestCancelFromTheCallbackThatComputesTheResultHasNoEffectOnAValue(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	var d *promise.Promise[int]
	d = promise.Bind(p, func(int) *promise.Promise[int] { d.Cancel(); return promise.Resolved(7) })
	r.Resolve(1)
	assert.Equal(t, 7, flushed(l, d))
}

func TestCancelOfASettledPromiseDoesNothing(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	r.Resolve(1)
	p.Cancel()
	assert.Equal(t, 1, outcome(p))
	promise.Resolved(1).Cancel()
}

func TestCatchMayTurnACancellationIntoAValue(t *testing.T) {
	l := newLoop(t)
	p, _ := pending(l)
	d := p.Catch(func(error) *promise.Promise[int] { return promise.Resolved(3) })
	fired := false
	d.OnCancel(func() { fired = true })
	d.Cancel()
	assert.Equal(t, 3, flushed(l, d))
	assert.False(t, fired)
}

func TestOnCancelRunsFirstAndOnlyForCancellations(t *testing.T) {
	l := newLoop(t)
	var order []string
	p, _ := pending(l)
	p.OnSettle(func(int, error) { order = append(order, "settled") })
	p.OnCancel(func() { order = append(order, "cancelled") })
	p.Cancel()
	p.OnCancel(func() { order = append(order, "late") })
	l.Flush()
	assert.Equal(t, []string{"cancelled", "settled", "late"}, order)

	q, r := pending(l)
	q.OnCancel(func() { order = nil })
	r.Reject(context.Canceled)
	l.Flush()
	assert.Nil(t, order, "also for a rejection with Canceled by hand")
	p, r = pending(l)
	p.OnCancel(func() { t.Error("not cancelled") })
	r.Resolve(1)
	l.Flush()
}

func TestShields(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	protected, noCancel, cancelable := p.Protected(), p.NoCancel(), p.NoCancel().Cancelable()
	protected.Cancel()
	noCancel.Cancel()
	cancelable.Cancel()
	assert.ErrorIs(t, flushed(l, protected).(error), promise.ErrCanceled)
	assert.Equal(t, "pending", outcome(noCancel))
	assert.ErrorIs(t, outcome(cancelable).(error), promise.ErrCanceled)
	assert.Equal(t, "pending", outcome(p))
	d := promise.Bind(promise.Resolved(0), func(int) *promise.Promise[int] { return p.NoCancel() })
	e := promise.Map(p.NoCancel(), double)
	l.Flush()
	d.Cancel()
	e.Cancel()
	assert.Equal(t, "pending", outcome(p))
	p.Cancelable().Cancel()
	assert.ErrorIs(t, outcome(p).(error), promise.ErrCanceled, "the search goes on")
	assert.ErrorIs(t, flushed(l, noCancel).(error), promise.ErrCanceled)
	assert.False(t, r.Resolve(1))
	assert.Same(t, p, p.Protected())
	assert.Same(t, p, p.NoCancel())
	assert.Same(t, p, p.Cancelable())
}

func TestSharedInputsAreSearchedOnce(t *testing.T) {
	l := newLoop(t)
	p, _ := pending(l)
	d := promise.Map(p, double)
	for range 64 { // 2^64 paths
		all := promise.All(d, d)
		d = promise.Map(all, func(v []int) (int, error) { return v[0], nil })
	}
	d.Cancel()
	assert.ErrorIs(t, flushed(l, d).(error), promise.ErrCanceled)
}

func TestEndOfAContextCancelsWhatItStarted(t *testing.T) {
	l := newLoop(t)
	ctx, cancel := context.WithCancelCause(l.Context())
	p, r := promise.New[int](ctx)
	s, _ := promise.New[unit](ctx)
	w := promise.WithContext(ctx, s.Protected())
	free, fr := pending(l)
	bound := promise.WithContext(ctx, free)
	cancel(errTest)
	require.NoError(t, l.Run(func(ctx context.Context) error { // the context's notice comes by goroutines
		for _, p := range []promise.Awaitable{p, s, w, bound, free} {
			_ = p.Wait(ctx)
		}
		return nil
	}))
	for _, err := range []any{outcome(p), outcome(s), outcome(w), outcome(bound), outcome(free)} {
		assert.ErrorIs(t, err.(error), errTest)
		assert.ErrorIs(t, err.(error), promise.ErrCanceled)
	}
	assert.False(t, r.Resolve(1))
	assert.False(t, fr.Resolve(1))
	late, _ := promise.New[int](ctx)
	assert.ErrorIs(t, outcome(late).(error), errTest)
}

func TestTimeouts(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	d := promise.WithTimeout(l.Context(), time.Second, p)
	l.Advance(time.Second)
	assert.Equal(t, promise.ErrTimeout, outcome(d))
	assert.ErrorIs(t, promise.ErrTimeout, context.DeadlineExceeded)
	assert.True(t, r.Canceled())
	assert.Equal(t, 1, outcome(promise.WithTimeout(l.Context(), 0, promise.Resolved(1))), "what is there wins")
	ctx, cancel := promise.ContextTimeout(l.Context(), time.Minute)
	defer cancel()
	require.NoError(t, ctx.Err())
	l.Advance(time.Minute)
	assert.Equal(t, context.DeadlineExceeded, ctx.Err())
	assert.Equal(t, promise.ErrTimeout, context.Cause(ctx))
}

func TestSleepsAndPauses(t *testing.T) {
	l := newLoop(t)
	var order []int
	note := func(i int) func(unit, error) { return func(unit, error) { order = append(order, i) } }
	promise.Sleep(l.Context(), 3).OnSettle(note(3))
	promise.Sleep(l.Context(), -1).OnSettle(note(0))
	promise.Sleep(l.Context(), 1).OnSettle(note(1))
	promise.Sleep(l.Context(), 1).OnSettle(note(2))
	stopped := promise.Sleep(l.Context(), 2)
	assert.Empty(t, order)
	stopped.Cancel()
	l.Advance(5)
	assert.Equal(t, []int{0, 1, 2, 3}, order)

	order = nil
	promise.Pause(l.Context()).OnSettle(func(unit, error) {
		order = append(order, 1)
		promise.Pause(l.Context()).OnSettle(note(3))
	})
	promise.Pause(l.Context()).OnSettle(note(2))
	l.Turn()
	assert.Equal(t, []int{1, 2}, order, "a pause made meanwhile waits for the next turn")
	l.Turn()
	assert.Equal(t, []int{1, 2, 3}, order)
}

func TestContextTimeoutKeepsWhatItsParentSays(t *testing.T) {
	l := newLoop(t)
	type key struct{}
	std, cancel := context.WithTimeout(context.WithValue(l.Context(), key{}, 1), time.Hour)
	defer cancel()
	assert.NoError(t, l.Run(func(context.Context) error {
		return promise.Go(std, func(ctx context.Context) error {
			c, cancel := promise.ContextTimeout(ctx, time.Second)
			defer cancel()
			want, _ := std.Deadline()
			deadline, ok := c.Deadline()
			assert.True(t, ok)
			assert.Equal(t, want, deadline)
			assert.Equal(t, 1, c.Value(key{}))
			inner, cancelInner := promise.ContextTimeout(c, time.Hour)
			defer cancelInner()
			assert.ErrorIs(t, promise.Sleep(inner, time.Minute).Wait(context.Background()), promise.ErrTimeout)
			assert.Equal(t, context.DeadlineExceeded, c.Err())
			assert.Equal(t, context.DeadlineExceeded, inner.Err())
			assert.ErrorIs(t, context.Cause(inner), promise.ErrTimeout, "it hears of the end of the one above")
			return nil
		}).Wait(l.Context())
	}))
}
