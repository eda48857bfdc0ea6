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

// link is a way to derive a promise from another.
type link struct {
	name   string
	on     promise.State // the outcome of the input that f waits for
	always bool          // f runs after any outcome, and its value is dropped
	flat   bool          // f's promise has to be settled
	derive func(p *ints, f func() *ints) *ints
}

const (
	fulfilled = promise.StateFulfilled
	rejected  = promise.StateRejected
)

// derivations are all that call a function of the user's.
var derivations = []link{
	{name: "bind", on: fulfilled, derive: func(p *ints, f func() *ints) *ints {
		return promise.Bind(p, func(int) *ints { return f() })
	}},
	{name: "map", on: fulfilled, flat: true, derive: func(p *ints, f func() *ints) *ints {
		return promise.Map(p, func(int) (int, error) { v, err, _ := f().Poll(); return v, err })
	}},
	{name: "then's ok", on: fulfilled, derive: func(p *ints, f func() *ints) *ints {
		return promise.Then(p, func(int) *ints { return f() }, promise.Rejected[int])
	}},
	{name: "then's fail", on: rejected, derive: func(p *ints, f func() *ints) *ints {
		return promise.Then(p, promise.Resolved[int], func(error) *ints { return f() })
	}},
	{name: "catch", on: rejected, derive: func(p *ints, f func() *ints) *ints {
		return p.Catch(func(error) *ints { return f() })
	}},
	{name: "finally after a value", on: fulfilled, always: true, derive: finally},
	{name: "finally after an error", on: rejected, always: true, derive: finally},
}

func finally(p *ints, f func() *ints) *ints {
	return p.Finally(func() *promise.Promise[unit] {
		return promise.Map(f(), func(int) (unit, error) { return unit{}, nil })
	})
}

// settle gives the input the outcome that runs f.
func (k link) settle(r *promise.Resolver[int]) { settleAs(k.on, r) }

// miss gives it the other one.
func (k link) miss(r *promise.Resolver[int]) { settleAs(rejected+fulfilled-k.on, r) }

func settleAs(s promise.State, r *promise.Resolver[int]) {
	if s == fulfilled {
		r.Resolve(1)
	} else {
		r.Reject(errTest)
	}
}

// inputs are the promises that run f: one on the loop that settles after the call, one that has before, and one on no loop.
// settle is to be called after the call.
func (k link) inputs(ctx context.Context) map[string]struct {
	p      *ints
	settle func()
} {
	late, lr := promise.New[int](ctx)
	early, er := promise.New[int](ctx)
	k.settle(er)
	loose := promise.Resolved(1)
	if k.on == rejected {
		loose = promise.Rejected[int](errTest)
	}
	return map[string]struct {
		p      *ints
		settle func()
	}{
		"pending": {late, func() { k.settle(lr) }},
		"settled": {early, func() {}},
		"no loop": {loose, func() {}},
	}
}

// links are facts about derived promises.
var links = []Fact{
	{
		Name:   "a callback runs in a later step, also on a settled promise",
		Source: "Lwt 2.1 facts 6 and 8, decided otherwise: callbacks are always deferred",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				for name, in := range k.inputs(ctx) {
					runs := 0
					d := k.derive(in.p, func() *ints { runs++; return promise.Resolved(7) })
					assert.Equal(t, "pending", outcome(d), "%s, %s", k.name, name)
					in.settle()
					assert.Zero(t, runs, "%s, %s", k.name, name)
					step(ctx)
					assert.Equal(t, 1, runs, "%s, %s", k.name, name)
					assert.NotEqual(t, "pending", outcome(d), "%s, %s", k.name, name)
				}
			}
		},
	},
	{
		Name:   "a callback for the other outcome never runs, and the outcome is handed on",
		Source: "Lwt 2.1 facts 7, 8 and 13",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				if k.always {
					continue
				}
				p, r := promise.New[int](ctx)
				f := func() *ints { t.Error(k.name, "ran"); return promise.Resolved(7) }
				before := k.derive(p, f)
				k.miss(r)
				after := k.derive(p, f)
				step(ctx)
				assert.Equal(t, outcome(p), outcome(before), k.name)
				assert.Equal(t, outcome(p), outcome(after), k.name)
			}
		},
	},
	{
		Name:   "every callback of a promise runs exactly once",
		Source: "Lwt 2.1 fact 8",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				p, r := promise.New[int](ctx)
				runs := 0
				for range 3 {
					d := k.derive(p, func() *ints { runs++; return promise.Resolved(7) })
					d.OnSettle(func(int, error) {})
				}
				k.settle(r)
				step(ctx)
				k.settle(r)
				step(ctx)
				assert.Equal(t, 3, runs, k.name)
			}
		},
	},
	{
		Name:   "a panic or a Goexit in a callback is a rejection, whether the input was pending or settled",
		Source: "Lwt 2.1 facts 9, 12 and 14; 2.10: an exception escapes from Lwt's bind on a resolved promise",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				for name, in := range k.inputs(ctx) {
					panics := k.derive(in.p, func() *ints { panic(errOther) })
					exits := k.derive(in.p, func() *ints { runtime.Goexit(); return nil })
					in.settle()
					step(ctx)
					err, _ := outcome(panics).(error)
					var perr *promise.PanicError
					require.ErrorAs(t, err, &perr, "%s, %s", k.name, name)
					assert.Equal(t, errOther, perr.Value, "%s, %s", k.name, name)
					assert.ErrorIs(t, err, errOther, "%s, %s", k.name, name)
					err, _ = outcome(exits).(error)
					assert.ErrorIs(t, err, promise.ErrGoexit, "%s, %s", k.name, name)
				}
			}
		},
	},
	{
		Name:   "an error that Map's function returns is a rejection",
		Source: "Lwt 2.1 fact 12",
		Run: func(t *testing.T, ctx context.Context) {
			p, r := promise.New[int](ctx)
			fail := func(int) (int, error) { return 7, errTest }
			before := promise.Map(p, fail)
			r.Resolve(1)
			assert.Equal(t, errTest, await(ctx, before))
			assert.Equal(t, errTest, await(ctx, promise.Map(p, fail)))
			assert.Equal(t, errTest, await(ctx, promise.Map(promise.Resolved(1), fail)))
		},
	},
	{
		Name:   "a result is what the callback's promise is, at every moment",
		Source: "Lwt 2.1 facts 10 and 14",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				if k.flat || k.always {
					continue
				}
				for _, e := range endings {
					p, r := promise.New[int](ctx)
					inner, ir := promise.New[int](ctx)
					var before, after any
					inner.OnSettle(func(int, error) { before = outcome(inner) })
					d := k.derive(p, func() *ints { return inner })
					k.settle(r)
					step(ctx)
					inner.OnSettle(func(int, error) { after = outcome(d) })
					assert.Equal(t, "pending", outcome(d), "%s, %s", k.name, e.name)
					e.end(inner, ir)
					assert.Equal(t, e.want, outcome(d), "%s, %s", k.name, e.name)
					step(ctx)
					assert.Equal(t, []any{e.want, e.want}, []any{before, after}, "%s, %s", k.name, e.name)
				}
			}
		},
	},
	{
		Name:   "a callback's promise and the result cancel alike",
		Source: "Lwt 2.1 fact 10",
		Run: func(t *testing.T, ctx context.Context) {
			for _, byInner := range []bool{true, false} {
				inner, r := promise.New[int](ctx)
				d := promise.Bind(promise.Resolved(1), func(int) *ints { return inner })
				step(ctx)
				if byInner {
					inner.Cancel()
				} else {
					d.Cancel()
				}
				assertCanceled(t, outcome(d))
				assertCanceled(t, outcome(inner))
				assert.True(t, r.Canceled())
			}
		},
	},
	{
		Name:   "a callback may return its own input",
		Source: "Lwt 2.1 fact 11",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				p, r := promise.New[int](ctx)
				d := k.derive(p, func() *ints { return p })
				k.settle(r)
				step(ctx)
				if !k.always {
					assert.Equal(t, outcome(p), outcome(d), k.name)
				}
				assert.NotEqual(t, "pending", outcome(d), k.name)
			}
		},
	},
	{
		Name:   "a callback that returns its own result leaves that pending",
		Source: "Lwt 2.1 fact 11",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				if k.flat {
					continue
				}
				p, r := promise.New[int](ctx)
				var d *ints
				d = k.derive(p, func() *ints { return d })
				k.settle(r)
				step(ctx)
				assert.Equal(t, "pending", outcome(d), k.name)
				d.Cancel()
				step(ctx)
			}
		},
	},
	{
		Name:   "catch does not tell a panic of its body from a rejection",
		Source: "Lwt 2.1 fact 13",
		Run: func(t *testing.T, ctx context.Context) {
			for name, body := range map[string]*ints{
				"rejected":         promise.Rejected[int](errTest),
				"a task's error":   promise.Spawn(ctx, func(context.Context) (int, error) { return 1, errTest }),
				"a task's panic":   promise.Spawn(ctx, func(context.Context) (int, error) { panic(errTest) }),
				"a callback's":     promise.Map(promise.Resolved(1), func(int) (int, error) { return 0, errTest }),
				"callback's panic": promise.Map(promise.Resolved(1), func(int) (int, error) { panic(errTest) }),
			} {
				var caught error
				d := body.Catch(func(err error) *ints { caught = err; return promise.Resolved(-1) })
				assert.Equal(t, -1, await(ctx, d), name)
				assert.ErrorIs(t, caught, errTest, name)
			}
		},
	},
	{
		Name:   "exactly one of Then's functions runs, and an error in the first does not reach the second",
		Source: "Lwt 2.1 fact 15",
		Run: func(t *testing.T, ctx context.Context) {
			for _, e := range endings {
				p, r := promise.New[int](ctx)
				var ran journal
				d := promise.Then(p,
					func(int) *ints { ran.add("ok"); return promise.Rejected[int](errOther) },
					func(error) *ints { ran.add("fail"); return promise.Rejected[int](errOther) })
				e.end(p, r)
				step(ctx)
				assert.Equal(t, errOther, outcome(d), e.name)
				want := "fail"
				if e.name == "fulfilled" {
					want = "ok"
				}
				assert.Equal(t, journal{want}, ran, e.name)
			}
		},
	},
	{
		Name:   "cleanup runs once, is waited for, and leaves the outcome",
		Source: "Lwt 2.1 fact 16",
		Run: func(t *testing.T, ctx context.Context) {
			for _, e := range endings {
				p, r := promise.New[int](ctx)
				cleaned, cr := promise.New[unit](ctx)
				runs := 0
				d := p.Finally(func() *promise.Promise[unit] { runs++; return cleaned })
				e.end(p, r)
				step(ctx)
				assert.Equal(t, "pending", outcome(d), e.name)
				cr.Resolve(unit{})
				step(ctx)
				assert.Equal(t, e.want, outcome(d), e.name)
				assert.Equal(t, 1, runs, e.name)
			}
		},
	},
	{
		Name:   "cleanup runs also when the result is cancelled, before the input has settled or after",
		Source: "Lwt 2.1 fact 16",
		Run: func(t *testing.T, ctx context.Context) {
			for _, settled := range []bool{false, true} {
				p, r := promise.New[int](ctx)
				runs := 0
				d := p.Finally(func() *promise.Promise[unit] { runs++; return promise.Resolved(unit{}) })
				if settled {
					r.Resolve(1)
				}
				d.Cancel()
				step(ctx)
				assert.Equal(t, outcome(p), outcome(d))
				assert.Equal(t, 1, runs)
			}
		},
	},
	{
		Name:   "when body and cleanup fail, the error is both, the body's first",
		Source: "Lwt 2.1 fact 17, decided otherwise: in Lwt the cleanup's replaces the body's",
		Run: func(t *testing.T, ctx context.Context) {
			for _, e := range endings {
				for name, cleanup := range map[string]func() *promise.Promise[unit]{
					"rejects": func() *promise.Promise[unit] { return promise.Rejected[unit](errOther) },
					"panics":  func() *promise.Promise[unit] { panic(errOther) },
				} {
					p, r := promise.New[int](ctx)
					d := p.Finally(cleanup)
					e.end(p, r)
					step(ctx)
					err, _ := outcome(d).(error)
					require.ErrorIs(t, err, errOther, "%s, %s", e.name, name)
					body, failed := e.want.(error)
					if !failed {
						continue
					}
					assert.ErrorIs(t, err, body, "%s, %s", e.name, name)
					assert.Equal(t, body, err.(interface{ Unwrap() []error }).Unwrap()[0], "%s, %s", e.name, name)
				}
			}
		},
	},
	{
		Name:   "a callback that returns no promise is an error with the remedy",
		Source: "weft: misuse says what to do instead",
		Run: func(t *testing.T, ctx context.Context) {
			for _, k := range derivations {
				if k.flat || k.always {
					continue
				}
				for name, in := range k.inputs(ctx) {
					d := k.derive(in.p, func() *ints { return nil })
					in.settle()
					step(ctx)
					err, _ := outcome(d).(error)
					assert.ErrorContains(t, err, "promise.Resolved", "%s, %s", k.name, name)
				}
			}
		},
	},
}
