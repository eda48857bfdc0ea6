// SPDX-License-Identifier: MIT

package facts

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
)

// job is an Offload that says when it has started, and ends when it is told.
type job struct {
	started *promise.Promise[unit]
	result  *ints
	end     func()
}

func newJob(ctx context.Context, result int) job {
	started, r := promise.New[unit](ctx)
	gate := make(chan struct{})
	return job{
		started: started,
		end:     sync.OnceFunc(func() { close(gate) }),
		result: promise.Offload(ctx, func(context.Context) (int, error) {
			r.Resolve(unit{})
			<-gate
			return result, nil
		}),
	}
}

var offloads = []Fact{
	{
		Name:   "an offloaded function blocks nobody else",
		Source: "Lwt 2.8 fact 100",
		Run: func(t *testing.T, ctx context.Context) {
			j := newJob(ctx, 7)
			defer j.end()
			assert.Equal(t, unit{}, await(ctx, j.started))
			step(ctx)
			assert.Equal(t, "pending", outcome(j.result))
			j.end()
			assert.Equal(t, 7, await(ctx, j.result))
		},
	},
	{
		Name:   "offloaded functions run at most as many at a time as the limit says, and start in the order of the calls",
		Source: "Lwt 2.8 fact 100",
		Run: func(t *testing.T, ctx context.Context) {
			const limit = 2
			promise.QueueFrom(ctx).SetOffloadLimit(limit)
			var jobs []job
			for i := range 6 {
				jobs = append(jobs, newJob(ctx, i))
				defer jobs[i].end()
			}
			for i, j := range jobs {
				require.Equal(t, unit{}, await(ctx, j.started))
				if i+1 < limit {
					continue
				}
				for range 3 {
					step(ctx)
				}
				for _, waiting := range jobs[i+1:] {
					assert.Equal(t, "pending", outcome(waiting.started))
				}
				done := jobs[i+1-limit]
				done.end()
				assert.Equal(t, i+1-limit, await(ctx, done.result))
			}
		},
	},
	{
		Name:   "an offloaded function's value, error, panic or exit arrives",
		Source: "Lwt 2.8 fact 100",
		Run: func(t *testing.T, ctx context.Context) {
			offload := func(end func() error) *ints {
				return promise.Offload(ctx, func(context.Context) (int, error) { return 7, end() })
			}
			assert.Equal(t, 7, await(ctx, offload(func() error { return nil })))
			assert.Equal(t, errTest, await(ctx, offload(func() error { return errTest })))
			assert.Equal(t, promise.ErrGoexit, await(ctx, offload(func() error { runtime.Goexit(); return nil })))
			var perr *promise.PanicError
			assert.ErrorAs(t, await(ctx, offload(func() error { panic(errTest) })).(error), &perr)
			assert.ErrorIs(t, perr, errTest)
		},
	},
	{
		Name:   "an offloaded function may wait for the loop",
		Source: "Lwt 2.8 fact 100",
		Run: func(t *testing.T, ctx context.Context) {
			var j journal // the loop's, without a lock
			p := promise.Offload(ctx, func(ctx context.Context) (int, error) {
				for i := range 3 {
					v, err := promise.OnLoop(ctx, func(ctx context.Context) (int, error) {
						step(ctx)
						j.add("on the loop")
						return i, nil
					})
					assert.NoError(t, err)
					assert.Equal(t, i, v)
				}
				_, err := promise.OnLoop(ctx, func(context.Context) (int, error) { panic(errTest) })
				assert.ErrorIs(t, err, errTest)
				slept, err := promise.Map(promise.Pause(ctx), func(unit) (int, error) { return 7, nil }).Await(ctx)
				assert.NoError(t, err)
				return slept, nil
			})
			assert.Equal(t, 7, await(ctx, p))
			assert.Equal(t, journal{"on the loop", "on the loop", "on the loop"}, j)
		},
	},
	{
		Name:   "what goroutines post runs on the loop, once each, and that of each in order",
		Source: "Lwt 2.8 fact 100",
		Run: func(t *testing.T, ctx context.Context) {
			const posters, posts = 4, 250
			got := make([][]int, posters) // the loop's, without a lock
			q := promise.QueueFrom(ctx)
			var all []*promise.Promise[unit]
			for i := range posters {
				all = append(all, promise.Offload(ctx, func(context.Context) (unit, error) {
					for n := range posts {
						if err := q.Post(func() { got[i] = append(got[i], n) }); err != nil {
							return unit{}, err
						}
					}
					return unit{}, nil
				}))
			}
			assert.Equal(t, unit{}, await(ctx, promise.Join(all...)))
			step(ctx)
			for _, ns := range got {
				assert.Len(t, ns, posts)
				assert.IsIncreasing(t, ns)
			}
		},
	},
	{
		Name:   "cancelling an offload rejects it at once and ends the function's ctx, and the function runs to its end",
		Source: "Lwt 2.3 fact 61, decided otherwise: in Lwt cancelling has no effect",
		Run: func(t *testing.T, ctx context.Context) {
			began, br := promise.New[unit](ctx)
			heard, hr := promise.New[error](ctx)
			p := promise.Offload(ctx, func(ctx context.Context) (int, error) {
				br.Resolve(unit{})
				<-ctx.Done()
				hr.Resolve(context.Cause(ctx))
				return 7, nil
			})
			assert.Equal(t, unit{}, await(ctx, began))
			p.CancelCause(errTest)
			assert.ErrorIs(t, outcome(p).(error), errTest)
			cause, err := heard.Await(ctx)
			require.NoError(t, err)
			assert.ErrorIs(t, cause, errTest)
			step(ctx)
			assertCanceled(t, outcome(p))
		},
	},
	{
		Name:   "an offloaded function that is cancelled before it begins never runs, and the next one takes its turn",
		Source: "Lwt 2.8 fact 100: FIFO; weft: its cancellation",
		Run: func(t *testing.T, ctx context.Context) {
			promise.QueueFrom(ctx).SetOffloadLimit(1)
			running := newJob(ctx, 1)
			defer running.end()
			p := promise.Offload(ctx, func(context.Context) (int, error) { t.Error("ran"); return 0, nil })
			next := newJob(ctx, 2)
			next.end()
			p.Cancel()
			assertCanceled(t, outcome(p))
			step(ctx)
			running.end()
			assert.Equal(t, 2, await(ctx, next.result))
		},
	},
	{
		Name:   "offloaded functions that wait for one another or for the loop do not use up the limit",
		Source: "Lwt 2.8 fact 100: they may call back into the loop",
		Run: func(t *testing.T, ctx context.Context) {
			promise.QueueFrom(ctx).SetOffloadLimit(1)
			p := promise.Offload(ctx, func(ctx context.Context) (int, error) {
				inner := promise.Offload(ctx, func(ctx context.Context) (int, error) {
					return promise.OnLoop(ctx, func(ctx context.Context) (int, error) {
						return promise.Offload(ctx, func(context.Context) (int, error) { return 7, nil }).Await(ctx)
					})
				})
				return inner.Await(ctx)
			})
			assert.Equal(t, 7, await(ctx, p))
		},
	},
}
