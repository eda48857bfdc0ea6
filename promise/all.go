// SPDX-License-Identifier: MIT

package promise

// All returns a promise for the values of ps, in their order, once all have settled. When some reject, it still waits for the
// others, and is then rejected with the error that came first; of those rejected before the call, the first of the list.
// All of nothing is an empty list. Cancel goes to all of ps. Lwt.all.
func All[T any](ps ...*Promise[T]) *Promise[[]T] {
	return combine("All", ps, atLast, false, values[T])
}

// AllFailFast is All that does not wait after a rejection: it cancels the others, with that error as the cause, and is
// rejected at once. Cancel goes to all of ps.
func AllFailFast[T any](ps ...*Promise[T]) *Promise[[]T] {
	return combine("AllFailFast", ps, atRejection, true, values[T])
}

func values[T any](g *group) ([]T, rejection) {
	if g.err.err != nil {
		return nil, g.err
	}
	vals := make([]T, len(g.ins))
	for i := range g.ins {
		vals[i], _, _ = typed[T](&g.ins[i]).peek()
	}
	return vals, rejection{}
}

// Result is the outcome of one of AllSettled's promises: a value, or an error.
type Result[T any] struct {
	Value T
	Err   error
}

// AllSettled returns a promise for the outcomes of ps, in their order, once all have settled. It never rejects by itself;
// a rejection among ps counts as looked at. Cancel goes to all of ps.
func AllSettled[T any](ps ...*Promise[T]) *Promise[[]Result[T]] {
	return combine("AllSettled", ps, atLast, false, func(g *group) ([]Result[T], rejection) {
		results := make([]Result[T], len(g.ins))
		for i := range g.ins {
			results[i].Value, results[i].Err, _ = typed[T](&g.ins[i]).peek()
		}
		return results, rejection{}
	})
}

// Join returns a promise that is fulfilled once all of ps are. It waits and rejects as All does. Lwt.join.
func Join[T any](ps ...*Promise[T]) *Promise[Unit] {
	return combine("Join", ps, atLast, false, noValue)
}

// JoinMixed is Join for promises of different types.
func JoinMixed(ps ...Awaitable) *Promise[Unit] {
	ins := make([]member, len(ps))
	for i, p := range ps {
		if p == nil || p.missing() {
			panicNilMember("JoinMixed")
		}
		ins[i].p = p
	}
	return combineMembers(ins, atLast, false, noValue)
}

func noValue(g *group) (Unit, rejection) { return Unit{}, g.err }

// Pair is the value of Both.
type Pair[A, B any] struct {
	First  A
	Second B
}

// Both returns a promise for the values of a and b, once both have settled. It waits and rejects as All does. Lwt.both.
func Both[A, B any](a *Promise[A], b *Promise[B]) *Promise[Pair[A, B]] {
	if a == nil || b == nil {
		panicNilMember("Both")
	}
	return combineMembers([]member{{p: a}, {p: b}}, atLast, false, func(g *group) (pair Pair[A, B], r rejection) {
		if g.err.err != nil {
			return pair, g.err
		}
		pair.First, _, _ = typed[A](&g.ins[0]).peek()
		pair.Second, _, _ = typed[B](&g.ins[1]).peek()
		return pair, rejection{}
	})
}

// Any returns a promise for the value of the first of ps to be fulfilled; the others go on, and stay usable. Only when all
// are rejected is it rejected too, with their errors joined in the order of ps. Cancel goes to all of ps. Any of nothing
// panics.
func Any[T any](ps ...*Promise[T]) *Promise[T] {
	mustHave("Any", ps)
	return combine("Any", ps, atFulfilment, false, func(g *group) (T, rejection) {
		v, r := outcomeOf[T](g.last)
		if r.err == nil {
			return v, r
		}
		return v, joined(g.ins)
	})
}
