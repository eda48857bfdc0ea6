// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// A task that finds everything settled lets the others have a turn, under whatever ctx it awaits.
func TestAwaitsOfSettledPromisesYield(t *testing.T) {
	timeout := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return promise.ContextTimeout(ctx, time.Hour)
	}
	none := func() {}
	for name, under := range map[string]func(ctx context.Context) (context.Context, context.CancelFunc){
		"the task's own":        func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, none },
		"one of ContextTimeout": timeout,
		"context.WithCancel":    context.WithCancel,
		"context.WithValue": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithValue(ctx, key{}, 1), none
		},
		"context.WithoutCancel": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithoutCancel(ctx), none
		},
		"context.Background": func(context.Context) (context.Context, context.CancelFunc) { return context.Background(), none },
		"the loop's": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return promise.QueueFrom(ctx).Context(context.Background()), none
		},
		"no ctx, as nothing waits":  func(context.Context) (context.Context, context.CancelFunc) { return nil, none },
		"that of another task":      func(ctx context.Context) (context.Context, context.CancelFunc) { return otherTask(ctx), none },
		"that of a task that ended": func(ctx context.Context) (context.Context, context.CancelFunc) { return endedTask(ctx), none },
	} {
		for kind, p := range map[string]func(l *promisetest.Loop) *promise.Promise[int]{
			"of this loop": func(l *promisetest.Loop) *promise.Promise[int] {
				p, r := pending(l)
				r.Resolve(1)
				return p
			},
			"of no loop": func(*promisetest.Loop) *promise.Promise[int] { return promise.Resolved(1) },
		} {
			t.Run(name+", a promise "+kind, func(t *testing.T) {
				run(t, func(ctx context.Context, l *promisetest.Loop) error {
					ctx, cancel := under(ctx)
					defer cancel()
					p := p(l)
					for range 3 { // each time something else waits
						ran := false
						assert.NoError(t, l.Queue().Post(func() { ran = true }))
						awaits := 0
						for ; !ran && awaits < 10_000; awaits++ {
							_, _ = p.Await(ctx)
						}
						assert.LessOrEqual(t, awaits, 256)
					}
					return nil
				})
			})
		}
	}
}

type key struct{}

// otherTask returns the ctx of a task that waits for the end of its ctx.
func otherTask(ctx context.Context) (other context.Context) {
	promise.Go(ctx, func(ctx context.Context) error {
		other = ctx
		return promise.Sleep(ctx, time.Hour).Wait(ctx)
	})
	_ = promise.Pause(ctx).Wait(ctx)
	return other
}

func endedTask(ctx context.Context) (ended context.Context) {
	_ = promise.Go(ctx, func(ctx context.Context) error { ended = ctx; return nil }).Wait(ctx)
	return ended
}

// With nothing on the run queue an Await has no reason to yield: the task goes on in the same step.
func TestAwaitsOfSettledPromisesGoOnWhenNothingElseCanRun(t *testing.T) {
	run(t, func(ctx context.Context, l *promisetest.Loop) error {
		paused := promise.Pause(ctx) // is fulfilled in the next turn
		for range 10_000 {
			_, _ = promise.Resolved(1).Await(ctx)
		}
		assert.Equal(t, promise.StatePending, paused.State())
		return paused.Wait(ctx)
	})
}

// Two tasks that only await what is settled take turns of 128 Awaits.
func TestTasksThatNeverWaitTakeTurns(t *testing.T) {
	l := newLoop(t)
	var order []int
	for i := range 2 {
		promise.Go(l.Context(), func(ctx context.Context) error {
			for range 3 {
				for range 128 {
					_, _ = promise.Resolved(1).Await(ctx)
				}
				order = append(order, i)
			}
			return nil
		})
	}
	l.Flush()
	assert.Equal(t, []int{0, 1, 0, 1, 0, 1}, order)
}

func TestAwaitsOfSettledPromisesInGoroutinesDoNotYield(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	r.Resolve(1)
	done := make(chan struct{})
	for range 4 {
		go func() {
			for range 10_000 {
				_, err := p.Await(l.Context())
				assert.NoError(t, err)
			}
			done <- struct{}{}
		}()
	}
	for range 4 {
		<-done // the loop does not turn
	}
}
