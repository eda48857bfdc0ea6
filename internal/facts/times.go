// SPDX-License-Identifier: MIT

package facts

import (
	"context"
	"math"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
)

var times = []Fact{
	{
		Name:   "a pause waits until everything queued has run, and pauses end in the order of the calls",
		Source: "Lwt 2.1 fact 26",
		Run: func(t *testing.T, ctx context.Context) {
			var j journal
			promise.Pause(ctx).OnSettle(note[unit](&j, "pause"))
			promise.Pause(ctx).OnSettle(note[unit](&j, "second pause"))
			p, r := promise.New[int](ctx)
			chain := p
			for range 30 { // less than makes a turn look at the clock
				chain = promise.Bind(chain, func(v int) *ints { return promise.Resolved(v) })
			}
			chain.OnSettle(note[int](&j, "chain"))
			r.Resolve(1)
			step(ctx)
			assert.Equal(t, journal{"chain", "pause", "second pause"}, j)
		},
	},
	{
		Name:   "a pause made while pauses end waits for the next lap",
		Source: "Lwt 2.1 fact 26",
		Run: func(t *testing.T, ctx context.Context) {
			var j journal
			promise.Pause(ctx).OnSettle(func(unit, error) {
				j.add("first")
				promise.Pause(ctx).OnSettle(note[unit](&j, "next lap"))
			})
			promise.Pause(ctx).OnSettle(note[unit](&j, "second"))
			step(ctx)
			assert.Equal(t, journal{"first", "second"}, j)
			step(ctx)
			assert.Equal(t, journal{"first", "second", "next lap"}, j)
		},
	},
	{
		Name:   "a cancelled pause is rejected at once, and the others of its lap end",
		Source: "Lwt 1.1: pause is cancelable",
		Run: func(t *testing.T, ctx context.Context) {
			a, b := promise.Pause(ctx), promise.Pause(ctx)
			a.Cancel()
			assertCanceled(t, outcome(a))
			assert.Equal(t, unit{}, await(ctx, b))
		},
	},
	{
		Name:   "timers and other goroutines get through to a loop that always pauses",
		Source: "Lwt 2.1 fact 27",
		Run: func(t *testing.T, ctx context.Context) {
			for name, p := range map[string]*promise.Promise[unit]{
				"timer":     promise.Sleep(ctx, 0),
				"goroutine": promise.Offload(ctx, func(context.Context) (unit, error) { return unit{}, nil }),
			} {
				for p.State() == promise.StatePending {
					step(ctx)
				}
				assert.Equal(t, unit{}, outcome(p), name)
			}
		},
	},
	{
		Name:   "cancelling a sleep rejects it at once and takes its timer back",
		Source: "Lwt 2.3 fact 61",
		Run: func(t *testing.T, ctx context.Context) {
			assertFlat(t, func() {
				p := promise.Sleep(ctx, time.Hour)
				p.Cancel()
				assert.Equal(t, promise.ErrCanceled, outcome(p))
			})
		},
	},
	{
		Name:   "a sleep ends neither early nor within the call",
		Source: "Lwt 2.8 fact 97",
		Run: func(t *testing.T, ctx context.Context) {
			clock := promise.QueueFrom(ctx)
			for _, d := range []time.Duration{-time.Hour, 0, 1, time.Millisecond, 3*time.Millisecond + 1} {
				before := clock.Now()
				p := promise.Sleep(ctx, d)
				assert.Equal(t, "pending", outcome(p), d)
				assert.Equal(t, unit{}, await(ctx, p), d)
				assert.GreaterOrEqual(t, clock.Now()-before, d)
			}
		},
	},
	{
		Name:   "the longest sleep and the longest timeout do not end early",
		Source: "Lwt 2.8 fact 97",
		Run: func(t *testing.T, ctx context.Context) {
			const forever = time.Duration(math.MaxInt64)
			assert.Equal(t, unit{}, await(ctx, promise.Sleep(ctx, 1))) // the clock does not stand at 0
			sleep := promise.Sleep(ctx, forever)
			o := newOperation(ctx)
			timeout := promise.WithTimeout(ctx, forever, o.Promise())
			bounded, cancel := promise.ContextTimeout(ctx, forever)
			step(ctx)
			step(ctx)
			assert.Equal(t, []any{"pending", "pending"}, []any{outcome(sleep), outcome(timeout)})
			assert.NoError(t, bounded.Err())
			cancel()
			sleep.Cancel()
			timeout.Cancel()
		},
	},
	{
		Name:   "shorter sleeps end before longer ones, and equal ones in the order of the calls",
		Source: "Lwt 2.8 fact 97",
		Run: func(t *testing.T, ctx context.Context) {
			var j journal
			hour := promise.Sleep(ctx, time.Hour)
			a, b := promise.Sleep(ctx, time.Millisecond), promise.Sleep(ctx, time.Millisecond)
			b.OnSettle(note[unit](&j, "second"))
			a.OnSettle(note[unit](&j, "first"))
			assert.Equal(t, unit{}, await(ctx, promise.Join(a, b)))
			assert.Equal(t, journal{"first", "second"}, j)
			assert.Equal(t, "pending", outcome(hour))
			hour.Cancel()
		},
	},
	{
		Name:   "an outcome that is there wins over any timeout",
		Source: "Lwt 2.8 fact 97",
		Run: func(t *testing.T, ctx context.Context) {
			for _, e := range endings {
				p, r := promise.New[int](ctx)
				e.end(p, r)
				for _, d := range []time.Duration{-1, 0, time.Hour} {
					assert.Equal(t, e.want, outcome(promise.WithTimeout(ctx, d, p)), e.name)
				}
			}
		},
	},
	{
		Name:   "a timeout cancels what is late",
		Source: "Lwt 2.8 fact 97",
		Run: func(t *testing.T, ctx context.Context) {
			o := newOperation(ctx)
			kept, r := promise.New[int](ctx)
			for _, p := range []*ints{o.Promise(), kept.NoCancel()} {
				err := await(ctx, promise.WithTimeout(ctx, time.Millisecond, p)).(error)
				assert.Equal(t, promise.ErrTimeout, err)
				assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
				assert.ErrorIs(t, err, context.DeadlineExceeded)
				assert.NotErrorIs(t, err, context.Canceled)
			}
			assertCanceled(t, outcome(o.Promise()))
			assert.Len(t, o.stops, 1)
			assert.True(t, r.Resolve(1))
		},
	},
	{
		Name:   "what is in time takes the timer back",
		Source: "Lwt 2.8 fact 97",
		Run: func(t *testing.T, ctx context.Context) {
			assertFlat(t, func() {
				p, r := promise.New[int](ctx)
				d := promise.WithTimeout(ctx, time.Hour, p)
				r.Resolve(1)
				step(ctx)
				assert.Equal(t, 1, outcome(d))
			})
		},
	},
	{
		Name:   "cancelling a promise with a timeout cancels the promise",
		Source: "Lwt 2.3 fact 49",
		Run: func(t *testing.T, ctx context.Context) {
			o := newOperation(ctx)
			d := promise.WithTimeout(ctx, time.Hour, o.Promise())
			d.Cancel()
			assertCanceled(t, outcome(o.Promise()))
			assertCanceled(t, await(ctx, d))
		},
	},
}
