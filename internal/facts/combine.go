// SPDX-License-Identifier: MIT

package facts

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
)

// combined is a combination of any type.
type combined struct {
	promise.Awaitable
	outcome func() any
	cancel  func()
	settle  func(f func()) // OnSettle
}

func erase[T any](p *promise.Promise[T]) combined {
	return combined{
		Awaitable: p,
		outcome:   func() any { return outcome(p) },
		cancel:    p.Cancel,
		settle:    func(f func()) { p.OnSettle(func(T, error) { f() }) },
	}
}

// combinator is one way to combine promises.
type combinator struct {
	name  string
	of    func(ps ...*ints) combined
	pair  bool                        // takes two
	ends  func(h history) bool        // whether what has settled by now settles the result
	want  func(h history) []any       // and then with one of these
	kills func(h history) (err error) // with what it cancels the others; nil: it leaves them alone
}

// combinators are all there are, with what is expected of them.
var combinators = []combinator{
	{name: "All", of: func(ps ...*ints) combined { return erase(promise.All(ps...)) },
		ends: history.complete, want: unless(func(h history) any { return h.values() })},
	{name: "Join", of: func(ps ...*ints) combined { return erase(promise.Join(ps...)) },
		ends: history.complete, want: unless(func(history) any { return unit{} })},
	{name: "JoinMixed", of: func(ps ...*ints) combined { return erase(promise.JoinMixed(awaitables(ps)...)) },
		ends: history.complete, want: unless(func(history) any { return unit{} })},
	{name: "Both", pair: true, of: func(ps ...*ints) combined { return erase(promise.Both(ps[0], ps[1])) },
		ends: history.complete, want: unless(func(h history) any { return promise.Pair[int, int]{First: 0, Second: 1} })},
	{name: "AllSettled", of: func(ps ...*ints) combined { return erase(promise.AllSettled(ps...)) },
		ends: history.complete, want: func(h history) []any { return []any{h.results()} }},
	{name: "AllFailFast", of: func(ps ...*ints) combined { return erase(promise.AllFailFast(ps...)) },
		ends: func(h history) bool { return h.complete() || h.firstError() != nil },
		want: unless(func(h history) any { return h.values() }), kills: history.firstError},
	{name: "Any", of: func(ps ...*ints) combined { return erase(promise.Any(ps...)) },
		ends: func(h history) bool { return h.complete() || h.fulfilled() }, want: history.firstValue},
	{name: "Choose", of: func(ps ...*ints) combined { return erase(promise.Choose(ps...)) },
		ends: history.begun, want: history.first},
	{name: "Pick", of: func(ps ...*ints) combined { return erase(promise.Pick(ps...)) },
		ends: history.begun, want: history.first, kills: withoutCause},
	{name: "NChoose", of: func(ps ...*ints) combined { return erase(promise.NChoose(ps...)) },
		ends: history.begun, want: unlessSeen(func(h history) any { return h.values() })},
	{name: "NPick", of: func(ps ...*ints) combined { return erase(promise.NPick(ps...)) },
		ends: history.begun, want: unlessSeen(func(h history) any { return h.values() }), kills: withoutCause},
	{name: "ChooseSplit", of: func(ps ...*ints) combined { return erase(promise.ChooseSplit(ps...)) },
		ends: history.begun, want: unlessSeen(func(h history) any {
			return promise.Split[int]{Values: h.values(), Pending: h.pending()}
		})},
}

func withoutCause(history) error { return promise.ErrCanceled }

func awaitables(ps []*ints) []promise.Awaitable {
	all := make([]promise.Awaitable, len(ps))
	for i, p := range ps {
		all[i] = p
	}
	return all
}

// named returns the combinators of these names.
func named(names ...string) (some []combinator) {
	for _, name := range names {
		for _, c := range combinators {
			if c.name == name {
				some = append(some, c)
			}
		}
	}
	if len(some) != len(names) {
		panic("facts: no such combinator")
	}
	return some
}

var (
	patient = named("All", "Join", "JoinMixed", "Both", "AllSettled")
	joining = named("All", "Join", "JoinMixed", "Both")
	racing  = named("Choose", "Pick", "NChoose", "NPick", "ChooseSplit")
)

var combinations = []Fact{
	{
		Name:   "waiting for all of nothing is over at once",
		Source: "Lwt 2.2 fact 31",
		Run: func(t *testing.T, _ context.Context) {
			assert.Equal(t, []int{}, outcome(promise.All[int]()))
			assert.Equal(t, []int{}, outcome(promise.AllFailFast[int]()))
			assert.Equal(t, []promise.Result[int]{}, outcome(promise.AllSettled[int]()))
			assert.Equal(t, unit{}, outcome(promise.Join[int]()))
			assert.Equal(t, unit{}, outcome(promise.JoinMixed()))
		},
	},
	{
		Name:   "what waits for all goes on waiting after a rejection",
		Source: "Lwt 2.2 fact 32",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range patient {
				p, pr := promise.New[int](ctx)
				q, qr := promise.New[int](ctx)
				before := c.of(p, q)
				pr.Reject(errTest)
				after := c.of(p, q)
				step(ctx)
				assert.Equal(t, []any{"pending", "pending"}, []any{before.outcome(), after.outcome()}, c.name)
				qr.Resolve(1)
				step(ctx)
				assert.NotContains(t, []any{before.outcome(), after.outcome()}, "pending", c.name)
			}
		},
	},
	{
		Name:   "of several errors the first in time wins, and before those, the first of the list that was there at the call",
		Source: "Lwt 2.2 fact 33",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range joining {
				p, pr := promise.New[int](ctx)
				q, qr := promise.New[int](ctx)
				d := c.of(p, q)
				qr.Reject(errTest)
				step(ctx)
				pr.Reject(errOther)
				step(ctx)
				assert.Equal(t, errTest, d.outcome(), c.name)
				assert.Equal(t, errOther, c.of(p, q).outcome(), c.name)

				p, pr = promise.New[int](ctx)
				d = c.of(p, q)
				pr.Reject(errOther)
				step(ctx)
				assert.Equal(t, errTest, d.outcome(), c.name)
			}
		},
	},
	{
		Name:   "values come in the order of the list, and none of them when one is rejected",
		Source: "Lwt 2.2 fact 34",
		Run: func(t *testing.T, ctx context.Context) {
			p, pr := promise.New[int](ctx)
			q, qr := promise.New[int](ctx)
			all, both := promise.All(p, promise.Resolved(5), q), promise.Both(p, q)
			qr.Resolve(2)
			step(ctx)
			pr.Resolve(1)
			step(ctx)
			assert.Equal(t, []int{1, 5, 2}, outcome(all))
			assert.Equal(t, promise.Pair[int, int]{First: 1, Second: 2}, outcome(both))

			vals, err := promise.All(p, promise.Rejected[int](errTest)).Await(ctx)
			assert.Equal(t, errTest, err)
			assert.Nil(t, vals)
			pair, err := promise.Both(p, promise.Rejected[int](errTest)).Await(ctx)
			assert.Equal(t, errTest, err)
			assert.Zero(t, pair)
		},
	},
	{
		Name:   "choose settles as the first input does, and leaves the others usable",
		Source: "Lwt 2.2 fact 35",
		Run: func(t *testing.T, ctx context.Context) {
			for _, e := range endings {
				p, pr := promise.New[int](ctx)
				q, qr := promise.New[int](ctx)
				d := promise.Choose(p, q)
				e.end(q, qr)
				step(ctx)
				assert.Equal(t, e.want, outcome(d), e.name)
				assert.Equal(t, "pending", outcome(p), e.name)
				m := promise.Map(p, double)
				assert.True(t, pr.Resolve(4), e.name)
				assert.Equal(t, 8, await(ctx, m), e.name)
				assert.Equal(t, e.want, outcome(d), e.name)
			}
		},
	},
	{
		Name:   "a rejected input wins over fulfilled ones when several are settled at the call",
		Source: "Lwt 2.2 fact 36",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range racing {
				never, _ := promise.New[int](ctx)
				for range 20 {
					d := c.of(promise.Resolved(1), never.Protected(), promise.Rejected[int](errTest), promise.Resolved(2))
					assert.Equal(t, errTest, d.outcome(), c.name)
				}
			}
		},
	},
	{
		Name:   "of inputs that are fulfilled at the call not always the same wins, and a seed repeats the choices",
		Source: "Lwt 2.2 fact 36, decided otherwise: the loop's seeded generator picks",
		Run: func(t *testing.T, ctx context.Context) {
			on, r := promise.New[int](ctx)
			r.Resolve(3)
			choices := func(race func(...*ints) *ints) (won []any) {
				promise.QueueFrom(ctx).Seed(7)
				for range 50 {
					won = append(won, outcome(race(promise.Resolved(1), promise.Resolved(2), on)))
				}
				return won
			}
			won := choices(promise.Choose[int])
			assert.Subset(t, won, []any{1, 2, 3})
			assert.Equal(t, won, choices(promise.Pick[int]))
		},
	},
	{
		Name:   "the first of nothing is a mistake that says so",
		Source: "Lwt 2.2 fact 37",
		Run: func(t *testing.T, _ context.Context) {
			for _, c := range append(named("Any"), racing...) {
				func() {
					defer func() { assert.Contains(t, recover(), "promise: "+c.name+" of no promises") }()
					c.of()
				}()
			}
		},
	},
	{
		Name:   "pick of a settled input has that outcome at once, and has cancelled the others when it returns",
		Source: "Lwt 2.2 fact 38",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range named("Pick", "NPick") {
				for _, e := range endings {
					p, r := promise.New[int](ctx)
					e.end(p, r)
					loser, lr := promise.New[int](ctx)
					kept, kr := promise.New[int](ctx)
					d := c.of(loser, p, kept.NoCancel())
					assert.NotEqual(t, "pending", d.outcome(), "%s, %s", c.name, e.name)
					assert.Equal(t, promise.ErrCanceled, outcome(loser), "%s, %s", c.name, e.name)
					assert.False(t, lr.Resolve(1), "%s, %s", c.name, e.name)
					assert.True(t, kr.Resolve(1), "%s, %s", c.name, e.name)
				}
			}
		},
	},
	{
		Name:   "the callbacks of pick's losers run before those of its result",
		Source: "Lwt 2.2 fact 39, decided otherwise: in Lwt they see the result pending; here the queue's order says it",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range named("Pick", "NPick", "AllFailFast") {
				p, _ := promise.New[int](ctx)
				q, qr := promise.New[int](ctx)
				var j journal
				d := c.of(p, q)
				d.settle(func() { j.add("result") })
				p.OnSettle(note[int](&j, "loser"))
				p.OnCancel(func() { j.add("loser cancelled") })
				qr.Reject(errTest)
				step(ctx)
				assert.Equal(t, journal{"loser cancelled", "loser", "result"}, j, c.name)
			}
		},
	},
	{
		Name:   "a loser that cannot be cancelled stays pending and does not matter",
		Source: "Lwt 2.2 fact 40",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range named("Pick", "NPick") {
				p, pr := promise.New[int](ctx)
				q, qr := promise.New[int](ctx)
				d := c.of(p.NoCancel(), q)
				qr.Reject(errTest)
				step(ctx)
				assert.Equal(t, errTest, d.outcome(), c.name)
				assert.Equal(t, "pending", outcome(p), c.name)
				pr.Resolve(1)
				step(ctx)
				assert.Equal(t, errTest, d.outcome(), c.name)
			}
		},
	},
	{
		Name:   "what becomes of a loser is not reported",
		Source: "Lwt 2.2 fact 41",
		Loops: func(t *testing.T, start Starter) {
			for _, c := range append(named("Any", "AllFailFast"), racing...) {
				for _, settled := range []bool{false, true} {
					reported := closed(t, start, func(ctx context.Context) {
						p, pr := promise.New[int](ctx)
						q, qr := promise.New[int](ctx)
						end := func() {
							if c.name == "AllFailFast" {
								qr.Reject(errOther)
							} else {
								qr.Resolve(1)
							}
						}
						if settled {
							end()
						}
						d := c.of(p.NoCancel(), q)
						end()
						step(ctx)
						assert.NotEqual(t, "pending", d.outcome(), c.name)
						assert.True(t, pr.Reject(errTest), c.name)
					})
					assert.Empty(t, reported, "%s; settled at the call: %v", c.name, settled)
				}
			}
		},
	},
	{
		Name:   "racing a promise that never settles, again and again, needs no memory",
		Source: "Lwt 2.2 fact 42",
		Run: func(t *testing.T, ctx context.Context) {
			never, _ := promise.New[int](ctx)
			for _, c := range append(named("Any"), racing...) {
				assertFlat(t, func() {
					p, r := promise.New[int](ctx)
					c.of(never.NoCancel(), p)
					r.Resolve(1)
					step(ctx)
					c.of(never.NoCancel(), p) // settled at the call
				}, c.name)
			}
			assert.Equal(t, "pending", outcome(never))
		},
	},
	{
		Name:   "a promise may be there twice",
		Source: "Lwt 2.2 fact 43",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range combinators {
				for _, e := range endings {
					p, r := promise.New[int](ctx)
					before := c.of(p, p)
					e.end(p, r)
					step(ctx)
					assert.NotEqual(t, "pending", before.outcome(), "%s, %s", c.name, e.name)
					assert.Equal(t, before.outcome(), c.of(p, p).outcome(), "%s, %s", c.name, e.name)
				}
			}
			assert.Equal(t, []int{1, 1}, outcome(promise.All(promise.Resolved(1), promise.Resolved(1))))
		},
	},
	{
		Name:   "nchoose has all values that are there when the first is, which at the call may be several, or an error among them",
		Source: "Lwt 2.2 fact 44",
		Run: func(t *testing.T, ctx context.Context) {
			for _, c := range named("NChoose", "NPick") {
				p, pr := promise.New[int](ctx)
				q, qr := promise.New[int](ctx)
				late, lr := promise.New[int](ctx)
				d := c.of(late.NoCancel(), q, p)
				pr.Resolve(1)
				qr.Resolve(2)
				lr.Resolve(3)
				assert.Equal(t, []int{1}, d.outcome(), c.name)
				if c.name == "NPick" {
					assertCanceled(t, outcome(q), c.name)
					continue
				}
				assert.Equal(t, []int{3, 2, 1}, c.of(late, q, p).outcome(), c.name)

				rejected, rr := promise.New[int](ctx)
				rr.Reject(errTest)
				assert.Equal(t, errTest, c.of(p, rejected).outcome(), c.name)
			}
		},
	},
	{
		Name:   "choose-split has those that are pending as well, in the order of the list",
		Source: "Lwt 2.2 fact 45; 2.10: in Lwt their order depends on whether it had to wait",
		Run: func(t *testing.T, ctx context.Context) {
			p, _ := promise.New[int](ctx)
			q, qr := promise.New[int](ctx)
			r, _ := promise.New[int](ctx)
			d := promise.ChooseSplit(p, q, r)
			qr.Resolve(1)
			step(ctx)
			want := promise.Split[int]{Values: []int{1}, Pending: []*ints{p, r}}
			assert.Equal(t, want, outcome(d))
			assert.Equal(t, want, outcome(promise.ChooseSplit(p, q, r)))
		},
	},
	{
		Name:   "any is the first value, and all errors in the order of the list when there is none",
		Source: "Lwt 4.1 row 9: weft's addition",
		Run: func(t *testing.T, ctx context.Context) {
			p, pr := promise.New[int](ctx)
			q, qr := promise.New[int](ctx)
			value, none := promise.Any(p, q, promise.Resolved(3)), promise.Any(p, q)
			qr.Reject(errOther)
			step(ctx)
			assert.Equal(t, []any{3, "pending"}, []any{outcome(value), outcome(none)})
			pr.Reject(errTest)
			assert.Equal(t, errors.Join(errTest, errOther), await(ctx, none))
		},
	},
}
