// SPDX-License-Identifier: MIT

package facts

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
)

var callbacks = []Fact{
	{
		Name:   "a callback attached to a settled promise does not run within the call",
		Source: "Lwt 2.1 fact 18, decided otherwise: callbacks are always deferred",
		Run: func(t *testing.T, ctx context.Context) {
			on, r := promise.New[int](ctx)
			r.Resolve(1)
			for name, p := range map[string]*ints{"on a loop": on, "on none": promise.Resolved(1)} {
				ran := false
				p.OnSettle(func(int, error) { ran = true })
				assert.False(t, ran, name)
				step(ctx)
				assert.True(t, ran, name)
			}
		},
	},
	{
		Name:   "callbacks of one promise run in the order attached",
		Source: "Lwt 2.10, decided otherwise: Lwt's run newest first",
		Run: func(t *testing.T, ctx context.Context) {
			p, r := promise.New[int](ctx)
			var j journal
			p.OnSettle(note[int](&j, "settle"))
			promise.Map(p, func(int) (int, error) { j.add("map"); return 0, nil })
			promise.Go(ctx, func(ctx context.Context) error { err := p.Wait(ctx); j.add("await"); return err })
			step(ctx)
			promise.Bind(p, func(int) *ints { j.add("bind"); return p })
			r.Resolve(1)
			p.OnSettle(note[int](&j, "late"))
			step(ctx)
			assert.Equal(t, journal{"settle", "map", "await", "bind", "late"}, j)
		},
	},
	{
		Name:   "a callback that fails is reported once, and the promise's others run",
		Source: "Lwt 2.1 fact 19",
		Run: func(t *testing.T, ctx context.Context) {
			for _, e := range endings {
				reported := reports(ctx)
				p, r := promise.New[int](ctx)
				var j journal
				p.OnSettle(func(int, error) { panic(errOther) })
				p.OnSettle(note[int](&j, "second"))
				p.OnSettle(func(int, error) { runtime.Goexit() })
				p.OnSettle(note[int](&j, "fourth"))
				e.end(p, r)
				step(ctx)
				assert.Equal(t, journal{"second", "fourth"}, j, e.name)
				require.Len(t, *reported, 2, e.name)
				var perr *promise.PanicError
				require.ErrorAs(t, (*reported)[0], &perr, e.name)
				assert.Equal(t, errOther, perr.Value, e.name)
				assert.ErrorIs(t, (*reported)[1], promise.ErrGoexit, e.name)
			}
		},
	},
	{
		Name:   "a callback attached in a callback of the same promise sees it settled, and runs after what is queued",
		Source: "Lwt 2.1 fact 20, decided otherwise: in Lwt it runs at once",
		Run: func(t *testing.T, ctx context.Context) {
			p, r := promise.New[int](ctx)
			var j journal
			p.OnSettle(func(int, error) {
				assert.Equal(t, 1, outcome(p))
				p.OnSettle(note[int](&j, "inner"))
				j.add("outer")
			})
			p.OnSettle(note[int](&j, "next"))
			r.Resolve(1)
			step(ctx)
			assert.Equal(t, journal{"outer", "next", "inner"}, j)
		},
	},
	{
		Name:   "settling changes the state at once, and runs no callback within the call, in a callback or out of one",
		Source: "Lwt 2.1 facts 21 to 23, decided otherwise: in Lwt a settling outside callbacks runs them within the call",
		Run: func(t *testing.T, ctx context.Context) {
			outer, or := promise.New[int](ctx)
			inner, ir := promise.New[int](ctx)
			var j journal
			inner.OnSettle(note[int](&j, "inner"))
			outer.OnSettle(func(int, error) {
				ir.Resolve(2)
				assert.Equal(t, 2, outcome(inner))
				j.add("outer")
			})
			or.Resolve(1)
			assert.Equal(t, 1, outcome(outer))
			assert.Empty(t, j)
			step(ctx)
			assert.Equal(t, journal{"outer", "inner"}, j)
		},
	},
	{
		Name:   "callbacks run in the order in which their promises were settled",
		Source: "Lwt 2.1 fact 23",
		Run: func(t *testing.T, ctx context.Context) {
			var j journal
			names := []string{"a", "b", "c"}
			rs := map[string]*promise.Resolver[int]{}
			for _, name := range names {
				p, r := promise.New[int](ctx)
				rs[name] = r
				p.OnSettle(func(int, error) {
					j.add(name)
					p.OnSettle(note[int](&j, name+" again"))
				})
			}
			for _, name := range []string{"b", "c", "a"} {
				rs[name].Resolve(1)
			}
			step(ctx)
			assert.Equal(t, journal{"b", "c", "a", "b again", "c again", "a again"}, j)
		},
	},
	{
		Name:   "a promise settled by another goroutine has its callbacks run on the loop",
		Source: "Lwt 2.1 fact 22, decided otherwise; weft: everything is safe from any goroutine",
		Run: func(t *testing.T, ctx context.Context) {
			p, r := promise.New[int](ctx)
			never, _ := promise.New[int](ctx)
			d := promise.Map(p, func(v int) (int, error) { return v, never.Wait(ctx) }) // off the loop this would block
			go r.Resolve(1)
			assert.ErrorIs(t, await(ctx, d).(error), promise.ErrWouldDeadlock)
		},
	},
	{
		Name:   "a million promises that settle one another need no stack",
		Source: "Lwt 2.1 fact 24",
		Run: func(t *testing.T, ctx context.Context) {
			defer heavy()()
			first, r := promise.New[int](ctx)
			p := first
			for range million {
				next, nr := promise.New[int](ctx)
				p.OnSettle(func(v int, _ error) { nr.Resolve(v + 1) })
				p = next
			}
			r.Resolve(0)
			assert.Equal(t, million, await(ctx, p))
		},
	},
	{
		Name:   "a million rounds of a bind loop over settled promises need no stack",
		Source: "Lwt 2.1 fact 25",
		Run: func(t *testing.T, ctx context.Context) {
			defer heavy()()
			settled, r := promise.New[int](ctx)
			r.Resolve(1)
			var loop func(n int) *ints
			loop = func(n int) *ints {
				if n == million {
					return promise.Resolved(n)
				}
				return promise.Bind(settled, func(v int) *ints { return loop(n + v) })
			}
			assert.Equal(t, million, await(ctx, loop(0)))
		},
	},
	{
		Name:   "an endless bind loop over pauses needs no memory",
		Source: "Lwt 2.1 fact 25",
		Run: func(t *testing.T, ctx context.Context) {
			n := 0
			var loop func() *ints
			loop = func() *ints {
				return promise.Bind(promise.Pause(ctx), func(unit) *ints { n++; return loop() })
			}
			d := loop()
			assertFlat(t, func() { step(ctx) })
			assert.GreaterOrEqual(t, n, rounds)
			d.Cancel()
			assertCanceled(t, await(ctx, d))
		},
	},
}
