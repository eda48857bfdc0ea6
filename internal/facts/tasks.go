// SPDX-License-Identifier: MIT

package facts

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
)

type key struct{}

var tasks = []Fact{
	{
		Name:   "a task starts in a later step, after what is queued",
		Source: "Lwt 2.1 fact 28, decided otherwise: Lwt's async runs up to the first wait; its direct style queues, as here",
		Run: func(t *testing.T, ctx context.Context) {
			var j journal
			promise.Resolved(1).OnSettle(note[int](&j, "queued"))
			promise.Go(ctx, func(context.Context) error { j.add("task"); return nil })
			assert.Empty(t, j)
			step(ctx)
			assert.Equal(t, journal{"queued", "task"}, j)
		},
	},
	{
		Name:   "an error or a panic of Go reaches the handler exactly once, a value or a cancellation never",
		Source: "Lwt 2.1 fact 28, decided otherwise: cancellations and the loop's end are not reported",
		Run: func(t *testing.T, ctx context.Context) {
			for name, c := range map[string]struct {
				end      func() error
				reported error
			}{
				"value":          {func() error { return nil }, nil},
				"error":          {func() error { return errTest }, errTest},
				"panic":          {func() error { panic(errTest) }, errTest},
				"goexit":         {func() error { runtime.Goexit(); return nil }, promise.ErrGoexit},
				"cancellation":   {func() error { return promise.ErrCanceled }, nil},
				"std's":          {func() error { return context.Canceled }, nil},
				"the loop's end": {func() error { return promise.ErrLoopClosed }, nil},
			} {
				for _, waits := range []bool{false, true} {
					reported := reports(ctx)
					promise.Go(ctx, func(ctx context.Context) error {
						if waits {
							step(ctx)
						}
						return c.end()
					})
					for range 5 {
						step(ctx)
					}
					if c.reported == nil {
						assert.Empty(t, *reported, name)
						continue
					}
					require.Len(t, *reported, 1, name)
					assert.ErrorIs(t, (*reported)[0], c.reported, name)
				}
			}
		},
	},
	{
		Name:   "a Go with a Catch of its own does not reach the handler",
		Source: "Lwt 2.1 fact 29: dont_wait",
		Run: func(t *testing.T, ctx context.Context) {
			reported := reports(ctx)
			var caught error
			promise.Go(ctx, func(context.Context) error { return errTest }).Catch(func(err error) *promise.Promise[unit] {
				caught = err
				return promise.Resolved(unit{})
			})
			step(ctx)
			assert.Equal(t, errTest, caught)
			assert.Empty(t, *reported)
		},
	},
	{
		Name:   "a task sees the values of the ctx it was started with, never those of who settles its promises",
		Source: "Lwt 2.1 fact 30, decided otherwise: a context carries them, instead of an implicit map",
		Run: func(t *testing.T, ctx context.Context) {
			p, r := promise.New[int](ctx)
			reader := promise.Go(context.WithValue(ctx, key{}, "reader"), func(ctx context.Context) error {
				_, err := p.Await(ctx)
				assert.Equal(t, "reader", ctx.Value(key{}))
				inner := promise.Go(ctx, func(ctx context.Context) error {
					step(ctx)
					assert.Equal(t, "reader", ctx.Value(key{}), "a task of a task has them too")
					return nil
				})
				return errors.Join(err, inner.Wait(ctx))
			})
			writer := promise.Go(context.WithValue(ctx, key{}, "writer"), func(ctx context.Context) error {
				r.Resolve(1)
				step(ctx)
				assert.Equal(t, "writer", ctx.Value(key{}))
				return nil
			})
			assert.Equal(t, unit{}, await(ctx, promise.Join(reader, writer)))
			assert.Nil(t, ctx.Value(key{}))
		},
	},
	{
		Name:   "await on a settled promise does not yield",
		Source: "Lwt 2.9: direct style",
		Run: func(t *testing.T, ctx context.Context) {
			var j journal
			promise.Go(ctx, func(context.Context) error { j.add("other"); return nil })
			on, r := promise.New[int](ctx)
			r.Resolve(1)
			for _, p := range []*ints{on, promise.Resolved(1), on.NoCancel(), promise.Choose(on)} {
				v, err := p.Await(ctx)
				require.NoError(t, err)
				assert.Equal(t, 1, v)
			}
			assert.Equal(t, errTest, promise.Rejected[int](errTest).Wait(ctx))
			assert.Empty(t, j)
			step(ctx)
			assert.Equal(t, journal{"other"}, j)
		},
	},
	{
		Name:   "await on a pending promise lets the others run, and tasks go on in the order woken",
		Source: "Lwt 1.4: direct style",
		Run: func(t *testing.T, ctx context.Context) {
			var j journal
			task := func(name string) *promise.Promise[unit] {
				return promise.Go(ctx, func(ctx context.Context) error {
					for range 3 {
						j.add(name)
						step(ctx)
					}
					return nil
				})
			}
			assert.Equal(t, unit{}, await(ctx, promise.Join(task("a"), task("b"))))
			assert.Equal(t, journal{"a", "b", "a", "b", "a", "b"}, j)
		},
	},
	{
		Name:   "a task is rejected with what it returns, panics with or exits by",
		Source: "Lwt 1.4: spawn",
		Run: func(t *testing.T, ctx context.Context) {
			spawn := func(end func() error) *ints {
				return promise.Spawn(ctx, func(ctx context.Context) (int, error) { step(ctx); return 7, end() })
			}
			assert.Equal(t, 7, await(ctx, spawn(func() error { return nil })))
			assert.Equal(t, errTest, await(ctx, spawn(func() error { return errTest })))
			assert.Equal(t, promise.ErrGoexit, await(ctx, spawn(func() error { runtime.Goexit(); return nil })))
			var perr *promise.PanicError
			assert.ErrorAs(t, await(ctx, spawn(func() error { panic(errTest) })).(error), &perr)
			assert.ErrorIs(t, perr, errTest)
		},
	},
	{
		Name:   "await in a bare callback is an error with the remedy, unless the promise is settled",
		Source: "Lwt 1.4: there it is undefined, or a crash",
		Run: func(t *testing.T, ctx context.Context) {
			p, r := promise.New[int](ctx)
			var errs []error
			callback := func(int, error) { errs = append(errs, p.Wait(ctx)) }
			promise.Resolved(1).OnSettle(callback)
			step(ctx)
			r.Resolve(1)
			p.OnSettle(callback)
			step(ctx)
			assert.ErrorIs(t, errs[0], promise.ErrWouldDeadlock)
			assert.ErrorContains(t, errs[0], "promise.Spawn")
			assert.NoError(t, errs[1])
		},
	},
	{
		Name:   "await takes an outcome that is there, also when ctx has ended",
		Source: "weft: Await returns p's result if it is there",
		Run: func(t *testing.T, ctx context.Context) {
			ended, cancel := context.WithCancel(ctx)
			cancel()
			assert.Equal(t, 1, await(ended, promise.Resolved(1)))
			p, r := promise.New[int](ctx)
			assert.ErrorIs(t, p.Wait(ended), context.Canceled)
			assert.True(t, r.Canceled())
		},
	},
	{
		Name:   "an await that gives up cancels a promise that nobody else is interested in",
		Source: "weft: callbacks, derived promises, awaits and Done channels are interest",
		Run: func(t *testing.T, ctx context.Context) {
			for name, c := range map[string]struct {
				look func(p *ints)
				want bool
			}{
				"nobody":    {func(*ints) {}, true},
				"state":     {func(p *ints) { p.State() }, true},
				"poll":      {func(p *ints) { p.Poll() }, true},
				"on cancel": {func(p *ints) { p.OnCancel(func() {}) }, true},
				"callback":  {func(p *ints) { p.OnSettle(func(int, error) {}) }, false},
				"derived":   {func(p *ints) { promise.Map(p, double) }, false},
				"combined":  {func(p *ints) { promise.Join(p) }, false},
				"channel":   {func(p *ints) { p.Done() }, false},
				"await":     {func(p *ints) { promise.Go(ctx, p.Wait); step(ctx) }, false},
			} {
				p, r := promise.New[int](ctx)
				c.look(p)
				short, cancel := promise.ContextTimeout(ctx, time.Millisecond)
				assert.Equal(t, promise.ErrTimeout, p.Wait(short), name)
				cancel()
				assert.Equal(t, c.want, r.Canceled(), name)
				r.Resolve(1)
				step(ctx)
			}
		},
	},
	{
		Name:   "cancelling a task ends its ctx, and the promise settles when the function returns",
		Source: "weft: cancelling a task; Lwt 1.4: there it is not cancelable",
		Run: func(t *testing.T, ctx context.Context) {
			cleaned, r := promise.New[unit](ctx)
			p := promise.Spawn(ctx, func(ctx context.Context) (int, error) {
				never, _ := promise.New[int](ctx)
				_, err := never.Await(ctx)
				assert.ErrorIs(t, context.Cause(ctx), errTest)
				assert.NoError(t, cleaned.Wait(context.WithoutCancel(ctx)))
				return 7, err
			})
			step(ctx)
			p.CancelCause(errTest)
			step(ctx)
			assert.Equal(t, "pending", outcome(p))
			r.Resolve(unit{})
			assert.ErrorIs(t, await(ctx, p).(error), errTest)
			assertCanceled(t, outcome(p))
		},
	},
	{
		Name:   "a task that is cancelled before it starts never runs",
		Source: "weft: cancelling a task",
		Run: func(t *testing.T, ctx context.Context) {
			p := promise.Go(ctx, func(context.Context) error { t.Error("ran"); return nil })
			p.Cancel()
			assertCanceled(t, outcome(p))
			step(ctx)
		},
	},
}
