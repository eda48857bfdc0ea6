// SPDX-License-Identifier: MIT

package facts

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
)

// endings are the ways in which a promise of New ends.
var endings = []struct {
	name string
	end  func(p *ints, r *promise.Resolver[int]) bool
	want any
}{
	{"fulfilled", func(_ *ints, r *promise.Resolver[int]) bool { return r.Resolve(1) }, 1},
	{"rejected", func(_ *ints, r *promise.Resolver[int]) bool { return r.Reject(errTest) }, errTest},
	{"cancelled", func(p *ints, _ *promise.Resolver[int]) bool { p.Cancel(); return true }, promise.ErrCanceled},
}

// cancelRoutes are the ways in which a promise comes to be cancelled.
var cancelRoutes = []struct {
	name   string
	cancel func(p *ints, r *promise.Resolver[int])
}{
	{"by name", func(p *ints, _ *promise.Resolver[int]) { p.Cancel() }},
	{"with a cause", func(p *ints, _ *promise.Resolver[int]) { p.CancelCause(errTest) }},
	{"through a derived promise", func(p *ints, _ *promise.Resolver[int]) { promise.Map(p, double).Cancel() }},
	{"by hand", func(_ *ints, r *promise.Resolver[int]) { r.Reject(promise.ErrCanceled) }},
	{"by hand, with std's error", func(_ *ints, r *promise.Resolver[int]) { r.Reject(context.Canceled) }},
}

var states = []Fact{
	{
		Name:   "a promise that cannot be cancelled stays pending until its resolver settles it",
		Source: "Lwt 2.1 fact 1",
		Run: func(t *testing.T, ctx context.Context) {
			cancelable, r := promise.New[int](ctx)
			p := cancelable.NoCancel()
			assert.Equal(t, promise.StatePending, p.State())
			p.Cancel()
			step(ctx)
			assert.Equal(t, promise.StatePending, p.State())
			assert.True(t, r.Resolve(1))
			assert.Equal(t, 1, outcome(p))
		},
	},
	{
		Name:   "a promise of New starts pending, and is rejected by Cancel at once",
		Source: "Lwt 2.1 fact 2",
		Run: func(t *testing.T, ctx context.Context) {
			p, _ := promise.New[int](ctx)
			assert.Equal(t, promise.StatePending, p.State())
			p.Cancel()
			assert.Equal(t, promise.StateRejected, p.State())
			assert.Equal(t, promise.ErrCanceled, outcome(p))
			assert.ErrorIs(t, promise.ErrCanceled, context.Canceled)
		},
	},
	{
		Name:   "a settled promise never changes, and settling it again says so",
		Source: "Lwt 2.1 facts 3 and 4: the resolver's methods return false, as nothing is raised here",
		Run: func(t *testing.T, ctx context.Context) {
			for _, e := range endings {
				p, r := promise.New[int](ctx)
				assert.True(t, e.end(p, r), e.name)
				assert.False(t, r.Resolve(2), e.name)
				assert.False(t, r.Reject(errOther), e.name)
				assert.False(t, r.Settle(3, nil), e.name)
				p.CancelCause(errOther)
				var seen any
				p.OnSettle(func(v int, err error) {
					seen = v
					if err != nil {
						seen = err
					}
				})
				step(ctx)
				assert.Equal(t, e.want, outcome(p), e.name)
				assert.Equal(t, e.want, await(ctx, p), e.name)
				assert.Equal(t, e.want, seen, e.name)
			}
		},
	},
	{
		Name:   "settling a cancelled promise is ignored, whichever way it was cancelled",
		Source: "Lwt 2.1 fact 5",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range cancelRoutes {
				p, r := promise.New[int](ctx)
				c.cancel(p, r)
				was := outcome(p)
				assert.ErrorIs(t, was.(error), context.Canceled, c.name)
				assert.True(t, r.Canceled(), c.name)
				assert.False(t, r.Resolve(1), c.name)
				assert.False(t, r.Reject(errTest), c.name)
				step(ctx)
				assert.Equal(t, was, outcome(p), c.name)
			}
		},
	},
	{
		Name:   "a settled promise made by hand needs no loop",
		Source: "Lwt 1.1: return, fail, of_result",
		Run: func(t *testing.T, _ context.Context) {
			assert.Equal(t, 1, outcome(promise.Resolved(1)))
			assert.Equal(t, errTest, outcome(promise.Rejected[int](errTest)))
			assert.Equal(t, 1, outcome(promise.From(1, nil)))
			assert.Equal(t, errTest, outcome(promise.From(1, errTest)))
		},
	},
}
