// SPDX-License-Identifier: MIT

package facts

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
)

// shieldKinds are the promises that stop or force a cancellation.
var shieldKinds = []struct {
	name string
	of   func(p *ints) *ints
}{
	{"protected", (*ints).Protected},
	{"no cancel", (*ints).NoCancel},
	{"cancelable", (*ints).Cancelable},
}

var shields = []Fact{
	{
		Name:   "a shield settles as its input does",
		Source: "Lwt 2.3 facts 55 to 57",
		Run: func(t *testing.T, ctx context.Context) {
			for _, s := range shieldKinds {
				for _, e := range endings {
					p, r := promise.New[int](ctx)
					d := s.of(p)
					assert.Equal(t, "pending", outcome(d), "%s, %s", s.name, e.name)
					cancelled := false
					d.OnCancel(func() { cancelled = true })
					e.end(p, r)
					step(ctx)
					assert.Equal(t, e.want, outcome(d), "%s, %s", s.name, e.name)
					assert.Equal(t, e.name == "cancelled", cancelled, "%s, %s", s.name, e.name)
				}
			}
		},
	},
	{
		Name:   "cancelling a protected promise rejects that only, and the input's outcome no longer matters to it",
		Source: "Lwt 2.3 fact 55",
		Run: func(t *testing.T, ctx context.Context) {
			p, r := promise.New[int](ctx)
			d := p.Protected()
			d.CancelCause(errTest)
			assert.ErrorIs(t, outcome(d).(error), errTest)
			assert.Equal(t, "pending", outcome(p))
			assert.True(t, r.Resolve(1))
			step(ctx)
			assertCanceled(t, outcome(d))
			assert.Equal(t, 1, outcome(p))
		},
	},
	{
		Name:   "shields of one long-lived promise, come and gone, need no memory",
		Source: "Lwt 2.3 facts 55 to 57; Lwt's no_cancel leaks",
		Run: func(t *testing.T, ctx context.Context) {
			p, _ := promise.New[int](ctx)
			assertFlat(t, func() {
				p.Protected().Cancel()
				p.NoCancel().Cancel()
				p.NoCancel().Cancelable().Cancel()
				promise.Pick(promise.Resolved(1), p.Protected())
				step(ctx)
			})
			assert.Equal(t, "pending", outcome(p))
		},
	},
	{
		Name:   "cancelling a no-cancel promise does nothing, by whatever promise derived from it, and it is cancelled with its input",
		Source: "Lwt 2.3 fact 56",
		Run: func(t *testing.T, ctx context.Context) {
			p, _ := promise.New[int](ctx)
			d := p.NoCancel()
			bound := promise.Bind(promise.Resolved(1), func(int) *ints { return d })
			mapped := promise.Map(d, double)
			step(ctx)
			for _, c := range []*ints{d, mapped, bound, promise.Choose(d, mapped, bound), d.NoCancel(), promise.Map(promise.Map(d, double), double)} {
				c.Cancel()
				step(ctx)
				assert.Equal(t, []any{"pending", "pending", "pending"}, []any{outcome(p), outcome(d), outcome(c)})
			}
			p.Cancel()
			step(ctx)
			for _, c := range []*ints{d, mapped, bound} {
				assertCanceled(t, outcome(c))
			}
		},
	},
	{
		Name:   "cancelling a cancelable promise rejects it whatever the input, and goes on to that",
		Source: "Lwt 2.3 fact 57",
		Run: func(t *testing.T, ctx context.Context) {
			p, r := promise.New[int](ctx)
			d := p.NoCancel().Cancelable()
			d.Cancel()
			assertCanceled(t, outcome(d))
			assert.Equal(t, "pending", outcome(p))
			p.Cancelable().Cancel()
			assertCanceled(t, outcome(p))
			assert.False(t, r.Resolve(1))
		},
	},
	{
		Name:   "a shield of a settled promise is that promise",
		Source: "Lwt 2.3 fact 58",
		Run: func(t *testing.T, ctx context.Context) {
			for _, s := range shieldKinds {
				for _, e := range endings {
					p, r := promise.New[int](ctx)
					e.end(p, r)
					assert.Same(t, p, s.of(p), "%s, %s", s.name, e.name)
					assert.Equal(t, e.want, outcome(p), "%s, %s", s.name, e.name)
				}
				loose := promise.Resolved(1)
				assert.Same(t, loose, s.of(loose), s.name)
			}
		},
	},
}
