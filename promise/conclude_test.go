// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
)

// concluded are the functions that run no code of users. Each makes a promise of p, of a type that does not matter.
var concluded = map[string]func(ctx context.Context, p, other *promise.Promise[int]) promise.Awaitable{
	"All":         func(_ context.Context, p, _ *promise.Promise[int]) promise.Awaitable { return promise.All(p) },
	"AllFailFast": func(_ context.Context, p, _ *promise.Promise[int]) promise.Awaitable { return promise.AllFailFast(p) },
	"AllSettled":  func(_ context.Context, p, _ *promise.Promise[int]) promise.Awaitable { return promise.AllSettled(p) },
	"Any":         func(_ context.Context, p, o *promise.Promise[int]) promise.Awaitable { return promise.Any(o, p) },
	"Both":        func(_ context.Context, p, _ *promise.Promise[int]) promise.Awaitable { return promise.Both(p, p) },
	"Choose":      func(_ context.Context, p, o *promise.Promise[int]) promise.Awaitable { return promise.Choose(o, p) },
	"ChooseSplit": func(_ context.Context, p, o *promise.Promise[int]) promise.Awaitable {
		return promise.ChooseSplit(o, p)
	},
	"Join":       func(_ context.Context, p, _ *promise.Promise[int]) promise.Awaitable { return promise.Join(p) },
	"JoinMixed":  func(_ context.Context, p, _ *promise.Promise[int]) promise.Awaitable { return promise.JoinMixed(p) },
	"NChoose":    func(_ context.Context, p, o *promise.Promise[int]) promise.Awaitable { return promise.NChoose(o, p) },
	"NPick":      func(_ context.Context, p, o *promise.Promise[int]) promise.Awaitable { return promise.NPick(o, p) },
	"Pick":       func(_ context.Context, p, o *promise.Promise[int]) promise.Awaitable { return promise.Pick(o, p) },
	"Protected":  func(_ context.Context, p, _ *promise.Promise[int]) promise.Awaitable { return p.Protected() },
	"NoCancel":   func(_ context.Context, p, _ *promise.Promise[int]) promise.Awaitable { return p.NoCancel() },
	"Cancelable": func(_ context.Context, p, _ *promise.Promise[int]) promise.Awaitable { return p.Cancelable() },
	"WithContext": func(ctx context.Context, p, _ *promise.Promise[int]) promise.Awaitable {
		return promise.WithContext(ctx, p)
	},
	"WithTimeout": func(ctx context.Context, p, _ *promise.Promise[int]) promise.Awaitable {
		return promise.WithTimeout(ctx, time.Hour, p)
	},
}

func TestCombinatorsConcludeWhenTheInputSettles(t *testing.T) {
	for name, of := range concluded {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			p, r := pending(l)
			other, _ := pending(l)
			d := of(l.Context(), p, other)
			l.Flush()
			r.Resolve(1)
			// Wait returns an outcome that is there, whatever its ctx; no turn has run.
			ended, cancel := context.WithCancel(context.Background())
			cancel()
			assert.NoError(t, d.Wait(ended))
		})
	}
}

// value is an operation as package io has them: it keeps the value that its promise did not take.
type value struct {
	promise.Leaf[int]
	kept    int
	stopped error
}

func (v *value) CancelOp(cause error) { v.stopped = cause }

func (v *value) complete(n int) {
	if !v.Settle(n, nil) {
		v.kept = n
	}
}

func newValue(ctx context.Context) *value {
	v := &value{}
	v.Init(promise.QueueFrom(ctx), v)
	return v
}

// Two operations complete one after the other, with no turn of the queue in between: as in one poll of a loop.
func TestALoserThatCompletesInTheSameTurnKeepsItsValue(t *testing.T) {
	type ints = promise.Promise[int]
	for name, race := range map[string]func(ctx context.Context, a, b *ints) promise.Awaitable{
		"Pick":         func(_ context.Context, a, b *ints) promise.Awaitable { return promise.Pick(a, b) },
		"NPick":        func(_ context.Context, a, b *ints) promise.Awaitable { return promise.NPick(a, b) },
		"Pick of Pick": func(_ context.Context, a, b *ints) promise.Awaitable { return promise.Pick(promise.Pick(a), b) },
		"Pick of Map": func(_ context.Context, a, b *ints) promise.Awaitable {
			return promise.Pick(a, promise.Map(b, double))
		},
		"Pick of a task": func(ctx context.Context, a, b *ints) promise.Awaitable {
			return promise.Pick(a, promise.Spawn(ctx, func(ctx context.Context) (int, error) { return b.Await(ctx) }))
		},
		"Pick of a task that awaits under a timeout": func(ctx context.Context, a, b *ints) promise.Awaitable {
			return promise.Pick(a, promise.Spawn(ctx, func(ctx context.Context) (int, error) {
				ctx, cancel := promise.ContextTimeout(ctx, time.Hour)
				defer cancel()
				return b.Await(ctx)
			}))
		},
		"Pick of what a task's task awaits": func(ctx context.Context, a, b *ints) promise.Awaitable {
			return promise.Pick(a, promise.Spawn(ctx, func(ctx context.Context) (int, error) {
				return promise.Spawn(ctx, func(ctx context.Context) (int, error) { return b.Await(ctx) }).Await(ctx)
			}))
		},
		"Pick of WithTimeout": func(ctx context.Context, a, b *ints) promise.Awaitable {
			return promise.Pick(a, promise.WithTimeout(ctx, time.Hour, b))
		},
		"Pick of WithContext": func(ctx context.Context, a, b *ints) promise.Awaitable {
			return promise.Pick(a, promise.WithContext(ctx, b))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			a, b := newValue(l.Context()), newValue(l.Context())
			p := race(l.Context(), a.Promise(), b.Promise())
			l.Flush()
			a.complete(1)
			b.complete(2)
			assert.Zero(t, a.kept)
			assert.Equal(t, 2, b.kept)
			l.Flush()
			assert.ErrorIs(t, b.stopped, promise.ErrCanceled)
			assert.NoError(t, p.Wait(context.Background()))
		})
	}
}

// The alarm rings, and the operation completes before anything else has run.
func TestATimeoutThatRingsFirstLeavesTheValueToTheOperation(t *testing.T) {
	l := newLoop(t)
	v := newValue(l.Context())
	p := promise.WithTimeout(l.Context(), time.Second, v.Promise())
	d := promise.WithTimeout(l.Context(), time.Second, promise.Spawn(l.Context(), func(ctx context.Context) (int, error) {
		return v.Promise().NoCancel().Await(ctx)
	}))
	promise.Sleep(l.Context(), time.Second).OnSettle(func(promise.Unit, error) { v.complete(1) })
	l.Advance(time.Second)
	assert.ErrorIs(t, outcome(p).(error), promise.ErrTimeout)
	assert.ErrorIs(t, outcome(d).(error), promise.ErrTimeout)
	assert.Equal(t, 1, v.kept)
}

func TestATimeoutPrefersAValueOfAnotherLoop(t *testing.T) {
	l, other := newLoop(t), newLoop(t)
	p, r := pending(other)
	w := promise.WithTimeout(l.Context(), time.Second, p)
	l.Flush()
	r.Resolve(1) // the other loop does not turn: it cannot tell this one
	l.Advance(time.Second)
	assert.Equal(t, 1, outcome(w))
}

// A wait that its context has ended says nothing of the next one, which is for a promise of another loop.
func TestATaskThatGaveUpOnceAwaitsAPromiseOfAnotherLoop(t *testing.T) {
	l, other := newLoop(t), newLoop(t)
	p, r := pending(other)
	d := promise.Spawn(l.Context(), func(ctx context.Context) (int, error) {
		never, _ := pending(l)
		short, cancel := promise.ContextTimeout(ctx, time.Second)
		defer cancel()
		_, err := never.Await(short)
		assert.ErrorIs(t, err, promise.ErrTimeout)
		return p.Await(ctx)
	})
	l.Advance(time.Second)
	r.Reject(errTest)
	other.Flush()
	assert.Equal(t, errTest, flushed(l, d))
}

func TestConclusionsNeedNoStack(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	d := p
	for range 1_000_000 {
		d = d.Protected()
	}
	r.Resolve(1)
	assert.Equal(t, 1, outcome(d))
}

// What is attached to a loser is queued before what is attached to the winner.
func TestLosersCallbacksAreQueuedBeforeTheResults(t *testing.T) {
	l := newLoop(t)
	a, r := pending(l)
	b, _ := pending(l)
	var order []string
	picked := promise.Pick(a, b)
	picked.OnSettle(func(int, error) { order = append(order, "result") })
	a.OnSettle(func(int, error) { order = append(order, "winner") })
	b.OnSettle(func(int, error) { order = append(order, "loser") })
	b.OnCancel(func() { order = append(order, "cancelled") })
	r.Resolve(1)
	l.Flush()
	assert.Equal(t, []string{"winner", "cancelled", "loser", "result"}, order)
}

func TestACombinationAcrossLoopsKeepsAValueThatIsOnItsWay(t *testing.T) {
	l, other := newLoop(t), newLoop(t)
	p, r := pending(other)
	all := promise.All(p)
	inner := promise.Bind(promise.Pause(l.Context()), func(promise.Unit) *promise.Promise[int] { return p })
	l.Flush()
	l.Flush()
	r.Resolve(1) // not yet told to l
	all.Cancel()
	inner.Cancel()
	other.Flush()
	l.Flush()
	require.Equal(t, []int{1}, outcome(all))
	assert.Equal(t, 1, outcome(inner))
}

// The context of WithContext ends, or has ended, while another goroutine settles the promise: either the result has the
// value, or the producer learns that nobody took it.
func TestWithContextLosesNoValueToItsContext(t *testing.T) {
	for name, cancelBefore := range map[string]bool{"ends": false, "has ended": true} {
		for kind, loops := range map[string]int{"one loop": 1, "two loops": 2} {
			t.Run("the context "+name+", "+kind, func(t *testing.T) {
				l := newLoop(t)
				home := l
				if loops == 2 {
					home = newLoop(t)
				}
				for range 2_000 {
					p, r := pending(home)
					ctx, cancel := context.WithCancel(l.Context())
					if cancelBefore {
						cancel()
					}
					taken := make(chan bool)
					go func() { taken <- r.Resolve(1) }()
					w := promise.WithContext(ctx, p)
					cancel()
					took := <-taken
					for w.State() == promise.StatePending {
						home.Flush()
						l.Flush()
					}
					if v, err, _ := w.Poll(); took {
						require.NoError(t, err)
						require.Equal(t, 1, v)
					} else {
						require.ErrorIs(t, err, promise.ErrCanceled)
					}
				}
			})
		}
	}
}
