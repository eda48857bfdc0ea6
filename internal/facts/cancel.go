// SPDX-License-Identifier: MIT

package facts

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
)

// operation is what a libuv request is to a promise: a leaf that is told to stop.
type operation struct {
	promise.Leaf[int]
	stops []error
}

func newOperation(ctx context.Context) *operation {
	o := &operation{}
	o.Init(promise.QueueFrom(ctx), o)
	return o
}

func (o *operation) CancelOp(cause error) { o.stops = append(o.stops, cause) }

var cancellations = []Fact{
	{
		Name:   "cancelling a settled promise does nothing",
		Source: "Lwt 2.3 fact 46",
		Run: func(t *testing.T, ctx context.Context) {
			p, r := promise.New[int](ctx)
			settled := promise.Map(p, double)
			r.Resolve(1)
			step(ctx)
			for _, c := range []*ints{p, settled, promise.Resolved(1), promise.Rejected[int](errTest)} {
				was := outcome(c)
				c.OnCancel(func() { t.Error("it was not cancelled") })
				c.Cancel()
				step(ctx)
				assert.Equal(t, was, outcome(c))
			}
		},
	},
	{
		Name:   "cancelling a result cancels the input while that is pending",
		Source: "Lwt 2.3 fact 47",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				p, r := promise.New[int](ctx)
				d := k.derive(k.derive(p, pass(p)), pass(p))
				d.CancelCause(errTest)
				assertCanceled(t, outcome(p), k.name)
				assert.ErrorIs(t, outcome(p).(error), errTest, k.name)
				assert.True(t, r.Canceled(), k.name)
				step(ctx)
				assert.ErrorIs(t, outcome(d).(error), errTest, k.name)
			}
		},
	},
	{
		Name:   "cancelling a result cancels the callback's promise once that is there",
		Source: "Lwt 2.3 fact 47",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				if k.flat {
					continue
				}
				p, r := promise.New[int](ctx)
				inner, _ := promise.New[int](ctx)
				d := k.derive(p, func() *ints { return inner })
				k.settle(r)
				step(ctx)
				d.Cancel()
				assertCanceled(t, outcome(inner), k.name)
				step(ctx)
				assertCanceled(t, outcome(d), k.name)
			}
		},
	},
	{
		Name:   "a result cancelled once its input has settled runs its callback, and then cancels what that returned",
		Source: "Lwt 2.3 fact 48, where callbacks run at once, and so have run before any cancellation",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				p, r := promise.New[int](ctx)
				inner, _ := promise.New[int](ctx)
				if k.flat {
					inner = promise.Resolved(7)
				}
				ran := 0
				d := k.derive(p, func() *ints { ran++; return inner })
				k.settle(r) // the callback waits its turn
				d.CancelCause(errTest)
				assert.Equal(t, "pending", outcome(d), k.name)
				step(ctx)
				assert.Equal(t, 1, ran, k.name)
				assert.NotErrorIs(t, errOf(p), promise.ErrCanceled, k.name)
				if k.flat {
					assert.Equal(t, 7, outcome(d), k.name)
					continue
				}
				assertCanceled(t, outcome(inner), k.name)
				assert.ErrorIs(t, outcome(inner).(error), errTest, k.name)
				step(ctx)
				assertCanceled(t, outcome(d), k.name)
			}
		},
	},
	{
		Name:   "a cancellation that meets a callback which has to run goes on from there as if that had run",
		Source: "Lwt 2.3 fact 47, where callbacks run at once",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				p, r := promise.New[int](ctx)
				inner, _ := promise.New[int](ctx)
				rescued, _ := promise.New[int](ctx)
				first := k.derive(p, func() *ints { return promise.Rejected[int](errTest) })
				d := first.Catch(func(error) *ints { return inner })
				other, _ := promise.New[int](ctx)
				all := promise.All(d, other.Catch(func(error) *ints { return rescued }))
				k.settle(r)
				all.Cancel()
				assertCanceled(t, outcome(other), k.name, "is a leaf")
				step(ctx)
				step(ctx)
				assertCanceled(t, outcome(inner), k.name, "came after the cancellation, on its way")
				assert.Equal(t, "pending", outcome(rescued), k.name, "answers the cancellation")
				rescued.Cancel()
				assertCanceled(t, await(ctx, all), k.name)
			}
		},
	},
	{
		Name:   "cancelling a combination cancels every member",
		Source: "Lwt 2.3 fact 49",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range combinators {
				p, _ := promise.New[int](ctx)
				q, _ := promise.New[int](ctx)
				d := c.of(p, promise.Map(q, double))
				d.cancel()
				assertCanceled(t, outcome(p), c.name)
				assertCanceled(t, outcome(q), c.name)
				step(ctx)
				if c.name != "AllSettled" {
					assertCanceled(t, d.outcome(), c.name)
				}
			}
		},
	},
	{
		Name:   "what waits for all is cancelled only when all members are settled",
		Source: "Lwt 2.3 fact 49",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range joining {
				p, _ := promise.New[int](ctx)
				q, qr := promise.New[int](ctx)
				d := c.of(p, q.NoCancel())
				d.cancel()
				step(ctx)
				assertCanceled(t, outcome(p), c.name)
				assert.Equal(t, []any{"pending", "pending"}, []any{d.outcome(), outcome(q)}, c.name)
				qr.Resolve(1)
				step(ctx)
				assertCanceled(t, d.outcome(), c.name)
			}
		},
	},
	{
		Name:   "one cancel marks all leaves before any callback runs, and each leaf once, by however many ways it is reached",
		Source: "Lwt 2.3 fact 50",
		Run: func(t *testing.T, ctx context.Context) {
			a, b, c := newOperation(ctx), newOperation(ctx), newOperation(ctx)
			leaves := []*operation{a, b, c}
			callbacks := 0
			for _, o := range leaves {
				check := func() {
					callbacks++
					assert.Len(t, o.stops, 1)
					for _, other := range leaves {
						assertCanceled(t, outcome(other.Promise()))
					}
				}
				o.Promise().OnSettle(func(int, error) { check() })
				o.Promise().OnCancel(check)
			}
			twice := promise.All(promise.Map(a.Promise(), double), b.Promise(), a.Promise())
			promise.JoinMixed(twice, b.Promise(), promise.Choose(c.Promise(), a.Promise())).Cancel()
			assert.Zero(t, callbacks)
			step(ctx)
			assert.Equal(t, 6, callbacks)
			for _, o := range leaves {
				assert.Len(t, o.stops, 1)
			}
		},
	},
	{
		Name:   "a graph with 2^64 ways to one leaf is searched at once",
		Source: "Lwt 2.3 fact 50",
		Run: func(t *testing.T, ctx context.Context) {
			o := newOperation(ctx)
			d := o.Promise()
			for range 64 {
				d = promise.Map(promise.All(d, d), func(v []int) (int, error) { return v[0], nil })
			}
			d.Cancel()
			assertCanceled(t, await(ctx, d))
			assert.Len(t, o.stops, 1)
		},
	},
	{
		Name:   "cancellation callbacks run after Cancel has returned",
		Source: "Lwt 2.3 fact 51, decided otherwise: callbacks are always deferred",
		Run: func(t *testing.T, ctx context.Context) {
			p, _ := promise.New[int](ctx)
			var j journal
			p.OnCancel(func() { j.add("cancelled") })
			p.Cancel()
			p.OnCancel(func() { j.add("late") })
			assert.Empty(t, j)
			step(ctx)
			assert.Equal(t, journal{"cancelled", "late"}, j)
		},
	},
	{
		Name:   "cancellation callbacks run before the promise's others, in the order attached",
		Source: "Lwt 2.3 fact 52; 2.10: in Lwt newest first",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range cancelRoutes {
				p, r := promise.New[int](ctx)
				var j journal
				p.OnSettle(note[int](&j, "settled"))
				p.OnCancel(func() { j.add("first") })
				p.Catch(func(error) *ints { j.add("caught"); return p })
				p.OnCancel(func() { j.add("second") })
				c.cancel(p, r)
				step(ctx)
				assert.Equal(t, journal{"first", "second", "settled", "caught"}, j, c.name)
			}
		},
	},
	{
		Name:   "cancellation callbacks run for every cancellation, also one that was there, and for nothing else",
		Source: "Lwt 2.3 fact 53",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range cancelRoutes {
				p, r := promise.New[int](ctx)
				var j journal
				p.OnCancel(func() { j.add("before") })
				c.cancel(p, r)
				step(ctx)
				p.OnCancel(func() { j.add("after") })
				step(ctx)
				assert.Equal(t, journal{"before", "after"}, j, c.name)
			}
			for _, e := range endings[:2] {
				p, r := promise.New[int](ctx)
				p.OnCancel(func() { t.Error(e.name, "is no cancellation") })
				p.OnSettle(func(int, error) {})
				e.end(p, r)
				p.OnCancel(func() { t.Error(e.name, "is no cancellation") })
				step(ctx)
			}
		},
	},
	{
		Name:   "a cancellation callback that fails is reported, and the others run",
		Source: "Lwt 1.1: on_cancel",
		Run: func(t *testing.T, ctx context.Context) {
			reported := reports(ctx)
			p, _ := promise.New[int](ctx)
			var j journal
			p.OnCancel(func() { panic(errTest) })
			p.OnCancel(runtime.Goexit)
			p.OnCancel(func() { j.add("third") })
			p.Cancel()
			step(ctx)
			assert.Equal(t, journal{"third"}, j)
			assert.Len(t, *reported, 2)
		},
	},
	{
		Name:   "catch may turn a cancellation into a value, and then its result was not cancelled",
		Source: "Lwt 2.3 fact 54",
		Run: func(t *testing.T, ctx context.Context) {
			p, _ := promise.New[int](ctx)
			d := p.Catch(func(err error) *ints { assertCanceled(t, err); return promise.Resolved(3) })
			d.OnCancel(func() { t.Error("the result was not cancelled") })
			d.Cancel()
			assert.Equal(t, 3, await(ctx, d))
			assertCanceled(t, outcome(p))
		},
	},
	{
		Name:   "a callback that cancels what it computes has no effect on a value, and cancels a promise that it returns",
		Source: "Lwt 2.3 fact 59, where the promise goes on: nobody could reach it then",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				if k.flat {
					continue
				}
				p, r := promise.New[int](ctx)
				var d *ints
				d = k.derive(p, func() *ints { d.Cancel(); return promise.Resolved(7) })
				k.settle(r)
				step(ctx)
				want := outcome(p)
				if !k.always {
					want = 7
				}
				assert.Equal(t, want, outcome(d), k.name)

				p, r = promise.New[int](ctx)
				inner, _ := promise.New[int](ctx)
				d = k.derive(p, func() *ints { d.Cancel(); return inner })
				k.settle(r)
				step(ctx)
				assertCanceled(t, outcome(inner), k.name)
				assert.ErrorIs(t, await(ctx, d).(error), promise.ErrCanceled, k.name)
			}
		},
	},
	{
		Name:   "the cause of a cancellation arrives, and it is a cancellation all the same",
		Source: "weft: canceled means errors.Is(err, context.Canceled)",
		Run: func(t *testing.T, ctx context.Context) {
			o := newOperation(ctx)
			d := promise.Map(o.Promise(), double)
			d.CancelCause(errTest)
			for _, err := range []any{outcome(o.Promise()), await(ctx, d), o.stops[0]} {
				assertCanceled(t, err)
				assert.ErrorIs(t, err.(error), context.Canceled)
				assert.ErrorIs(t, err.(error), errTest)
			}
		},
	},
}

// pass returns a callback that hands p on.
func pass(p *ints) func() *ints { return func() *ints { return p } }

func errOf(p *ints) error {
	_, err, _ := p.Poll()
	return err
}
