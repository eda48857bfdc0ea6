// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// starters start something under ctx, and return what tells that the end of ctx has reached it. other is a second loop.
func starters(other *promisetest.Loop) map[string]func(ctx context.Context) (ended <-chan struct{}) {
	type key struct{}
	std := func(derive func(ctx context.Context) (context.Context, context.CancelFunc)) func(ctx context.Context) <-chan struct{} {
		return func(ctx context.Context) <-chan struct{} {
			c, cancel := derive(ctx)
			context.AfterFunc(ctx, cancel)
			return c.Done()
		}
	}
	hears := func(ctx context.Context) <-chan struct{} {
		ended := make(chan struct{})
		promise.Go(ctx, func(ctx context.Context) error {
			defer close(ended)
			return promise.Sleep(ctx, time.Hour).Wait(ctx)
		})
		return ended
	}
	return map[string]func(ctx context.Context) <-chan struct{}{
		"a task":  hears,
		"a timer": func(ctx context.Context) <-chan struct{} { return promise.Sleep(ctx, time.Hour).Done() },
		"a promise": func(ctx context.Context) <-chan struct{} {
			p, _ := promise.New[int](ctx)
			return p.Done()
		},
		"a promise with a value in between": func(ctx context.Context) <-chan struct{} {
			p, _ := promise.New[int](context.WithValue(ctx, key{}, 1))
			return p.Done()
		},
		"WithContext": func(ctx context.Context) <-chan struct{} {
			p, _ := promise.New[int](other.Context())
			return promise.WithContext(ctx, p).Done()
		},
		"an Offload": func(ctx context.Context) <-chan struct{} {
			ended := make(chan struct{})
			promise.Offload(ctx, func(ctx context.Context) (int, error) {
				<-ctx.Done()
				close(ended)
				return 0, nil
			})
			return ended
		},
		"what an Offload has started": func(ctx context.Context) <-chan struct{} {
			c := make(chan (<-chan struct{}))
			go promise.Offload(ctx, func(ctx context.Context) (int, error) {
				c <- promise.Sleep(ctx, time.Hour).Done()
				return 0, nil
			})
			return <-c
		},
		"a task on another loop": func(ctx context.Context) <-chan struct{} { return hears(other.Queue().Context(ctx)) },
		"a promise on another loop": func(ctx context.Context) <-chan struct{} {
			return promise.Sleep(other.Queue().Context(ctx), time.Hour).Done()
		},
		"a task's task": func(ctx context.Context) <-chan struct{} {
			c := make(chan (<-chan struct{}), 1)
			ended := make(chan struct{})
			promise.Go(ctx, func(ctx context.Context) error {
				promise.Go(ctx, func(ctx context.Context) error { c <- hears(ctx); return nil })
				return nil
			})
			go func() { <-<-c; close(ended) }()
			return ended
		},
		"ContextTimeout": std(func(ctx context.Context) (context.Context, context.CancelFunc) {
			return promise.ContextTimeout(ctx, time.Hour)
		}),
		"under ContextTimeout": func(ctx context.Context) <-chan struct{} {
			return promise.Sleep(kept(promise.ContextTimeout(ctx, time.Hour)), time.Hour).Done()
		},
		"its Done channel": func(ctx context.Context) <-chan struct{} { return ctx.Done() },
		"AfterFunc": func(ctx context.Context) <-chan struct{} {
			ended := make(chan struct{})
			context.AfterFunc(ctx, func() { close(ended) })
			return ended
		},
		"context.WithCancel": std(context.WithCancel),
		"context.WithTimeout": std(func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Hour)
		}),
		"context.WithCancel of a value": std(func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithCancel(context.WithValue(ctx, key{}, 1))
		}),
		"a task under context.WithCancel": func(ctx context.Context) <-chan struct{} {
			c, cancel := context.WithCancel(ctx)
			context.AfterFunc(ctx, cancel)
			return hears(c)
		},
	}
}

// ends are contexts, and how each of them ends.
func ends() map[string]func(l *promisetest.Loop) (ctx context.Context, end func()) {
	inTask := func(l *promisetest.Loop) (tctx context.Context, p *promise.Promise[unit]) {
		p = promise.Go(l.Context(), func(ctx context.Context) error {
			tctx = ctx
			return promise.Sleep(context.WithoutCancel(ctx), time.Minute).Wait(ctx)
		})
		l.Flush()
		return tctx, p
	}
	return map[string]func(l *promisetest.Loop) (context.Context, func()){
		"Cancel of a task": func(l *promisetest.Loop) (context.Context, func()) {
			ctx, p := inTask(l)
			return ctx, p.Cancel
		},
		"Cancel of a task above an ended one": func(l *promisetest.Loop) (context.Context, func()) {
			ctx, p := inTask(l)
			var inner context.Context
			promise.Go(ctx, func(ctx context.Context) error { inner = ctx; return nil })
			l.Flush()
			return inner, p.Cancel
		},
		"a foreign context": func(l *promisetest.Loop) (context.Context, func()) {
			ctx, cancel := context.WithCancel(context.Background())
			return l.Queue().Context(ctx), cancel
		},
		"a foreign context above an ended task": func(l *promisetest.Loop) (context.Context, func()) {
			ctx, cancel := context.WithCancel(context.Background())
			var inner context.Context
			promise.Go(l.Queue().Context(ctx), func(ctx context.Context) error { inner = ctx; return nil })
			l.Flush()
			return inner, cancel
		},
		"ContextTimeout's time": func(l *promisetest.Loop) (context.Context, func()) {
			return kept(promise.ContextTimeout(l.Context(), time.Second)), func() { l.Advance(time.Second) }
		},
		"ContextTimeout's cancel": func(l *promisetest.Loop) (context.Context, func()) {
			return promise.ContextTimeout(l.Context(), time.Hour)
		},
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestTheEndOfAContextReachesWhatAnEndedTaskHasStarted(t *testing.T) {
	for how, begin := range ends() {
		for what := range starters(nil) {
			t.Run(what+"/"+how, func(t *testing.T) {
				l, other := newLoop(t), newLoop(t)
				ctx, end := begin(l)
				start := starters(other)[what]
				var first, second <-chan struct{}
				var tctx context.Context
				promise.Go(ctx, func(ctx context.Context) error {
					tctx, first = ctx, start(ctx)
					return nil
				})
				l.Flush()
				second = start(tctx) // the task has ended already
				l.Flush()
				other.Flush()
				runtime.GC()
				require.NoError(t, tctx.Err())
				end()
				for _, ended := range []<-chan struct{}{first, second} {
					for deadline := time.Now().Add(10 * time.Second); !closed(ended); {
						l.Flush()
						other.Flush()
						runtime.Gosched()
						require.True(t, time.Now().Before(deadline), "it does not hear of the end")
					}
				}
				assert.Error(t, tctx.Err())
				assert.ErrorIs(t, promise.Sleep(tctx, 1).Wait(tctx), promise.ErrCanceled)
				<-tctx.Done()
			})
		}
	}
}

func TestTheEndOfTheLoopEndsTheContextOfATaskThatHasReturned(t *testing.T) {
	for name, above := range map[string]context.Context{"no context": context.Background(), "a foreign context": t.Context()} {
		l := promisetest.New()
		var done <-chan struct{}
		var child context.Context
		promise.Go(l.Queue().Context(above), func(ctx context.Context) error {
			done = ctx.Done()
			child = kept(context.WithCancel(ctx))
			return nil
		})
		l.Flush()
		assert.NoError(t, child.Err(), name)
		l.Close()
		<-done
		<-child.Done()
		assert.ErrorIs(t, context.Cause(child), promise.ErrLoopClosed, name)
	}
}

func TestCancellingATaskThatHasReturnedDoesNotEndItsContext(t *testing.T) {
	l := newLoop(t)
	var tctx context.Context
	p := promise.Go(l.Context(), func(ctx context.Context) error { tctx = ctx; return nil })
	l.Flush()
	done := tctx.Done()
	p.Cancel()
	l.Flush()
	assert.NoError(t, tctx.Err())
	assert.Equal(t, done, tctx.Done())
	assert.NoError(t, l.Run(func(ctx context.Context) error { return promise.Sleep(tctx, 1).Wait(ctx) }))
}

// generations has tasks that each do something and start their successor under their own ctx. It returns by how many bytes a
// generation the heap has grown.
func generations(t *testing.T, l *promisetest.Loop, ctx context.Context, do func(ctx context.Context) (next context.Context)) float64 {
	const warm, count = 1000, 6000
	n, limit := 0, 0
	var step func(ctx context.Context) error
	step = func(ctx context.Context) error {
		n++
		next := do(ctx)
		if n >= limit {
			_ = promise.Pause(ctx).Wait(ctx)
		}
		promise.Go(next, step)
		return nil
	}
	promise.Go(ctx, step)
	pass := func(stop int) {
		for limit = stop; n < stop; {
			l.Turn()
		}
	}
	pass(warm)
	before := leastHeap(0)
	pass(warm + count)
	return float64(leastHeap(before)-before) / count
}

// leastHeap collects garbage until the heap is no larger than wanted, or does not get smaller any more: one round finds what nobody
// has, cleanups let go of what hangs on that, and a later round collects it.
func leastHeap(wanted int64) int64 {
	least := int64(1 << 62)
	var m runtime.MemStats
	for range 8 {
		runtime.GC()
		time.Sleep(time.Millisecond)
		runtime.ReadMemStats(&m)
		if least = min(least, int64(m.HeapAlloc)); least <= wanted {
			break
		}
	}
	return least
}

func TestTasksThatStartTheirSuccessorsLeaveNothingBehind(t *testing.T) {
	keep := func(f func(ctx context.Context)) func(ctx context.Context) context.Context {
		return func(ctx context.Context) context.Context { f(ctx); return ctx }
	}
	for name, do := range map[string]func(ctx context.Context) context.Context{
		"nothing":        keep(func(context.Context) {}),
		"a Done channel": keep(func(ctx context.Context) { ctx.Done() }),
		"context.WithTimeout": keep(func(ctx context.Context) {
			_, cancel := context.WithTimeout(ctx, time.Hour)
			cancel()
		}),
		"an Await under context.WithTimeout": keep(func(ctx context.Context) {
			c, cancel := context.WithTimeout(ctx, time.Hour)
			_ = promise.Pause(c).Wait(c)
			cancel()
		}),
		"AfterFunc":      keep(func(ctx context.Context) { context.AfterFunc(ctx, func() {})() }),
		"ContextTimeout": keep(func(ctx context.Context) { _, cancel := promise.ContextTimeout(ctx, time.Hour); cancel() }),
		"an Offload": keep(func(ctx context.Context) {
			_ = promise.Offload(ctx, func(ctx context.Context) (int, error) { ctx.Done(); return 0, nil }).Wait(ctx)
		}),
		"a task that has ended": keep(func(ctx context.Context) {
			_ = promise.Go(ctx, func(ctx context.Context) error { ctx.Done(); return nil }).Wait(ctx)
		}),
		"the loop's context once more": func(ctx context.Context) context.Context { return promise.QueueFrom(ctx).Context(ctx) },
	} {
		for _, above := range []context.Context{context.Background(), t.Context()} {
			l := promisetest.New()
			grown := generations(t, l, l.Queue().Context(above), do)
			assert.Less(t, grown, 64.0, "%s: bytes a generation", name)
			l.Close()
		}
	}
}

func TestTasksThatHaveEndedUnderOneThatGoesOnLeaveNothingBehind(t *testing.T) {
	run(t, func(ctx context.Context, _ *promisetest.Loop) error {
		pass := func(count int) {
			for range count {
				_ = promise.Go(ctx, func(ctx context.Context) error {
					c, cancel := context.WithTimeout(ctx, time.Hour)
					defer cancel()
					return promise.Pause(c).Wait(c)
				}).Wait(ctx)
			}
		}
		pass(1000)
		before := leastHeap(0)
		pass(6000)
		assert.Less(t, float64(leastHeap(before)-before)/6000, 64.0, "bytes a task")
		return nil
	})
}

// deepest is a context at the top that notes how deep the stack is when its Value is called.
type deepest struct {
	context.Context
	depth int
}

type valueKey struct{}

func (d *deepest) Value(key any) any {
	if key == (valueKey{}) {
		d.depth = runtime.Callers(0, make([]uintptr, 10_000))
		return "there"
	}
	return nil
}

func TestValuesAreAsFarAwayInEveryGeneration(t *testing.T) {
	l := newLoop(t)
	top := &deepest{Context: context.Background()}
	depths := map[int]int{}
	var step func(n int) func(ctx context.Context) error
	step = func(n int) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			assert.Equal(t, "there", ctx.Value(valueKey{}))
			depths[top.depth]++
			if n < 1000 {
				promise.Go(ctx, step(n+1))
			}
			return nil
		}
	}
	promise.Go(l.Queue().Context(top), step(0))
	l.Flush()
	assert.Len(t, depths, 1)
}
