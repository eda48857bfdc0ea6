// SPDX-License-Identifier: MIT

package promise

// Choose returns a promise that settles as the first of ps does; the others go on, and stay usable. Of several that
// have settled before the call, a rejected one wins over the fulfilled ones, and else the loop's seeded generator picks. Once the
// result has settled it holds on to none of ps. Cancel goes to all of them. Choose of nothing panics. Lwt.choose.
func Choose[T any](ps ...*Promise[T]) *Promise[T] {
	mustHave("Choose", ps)
	return combine("Choose", ps, atFirst, false, first[T])
}

// Pick is Choose, but it cancels the others, in the moment in which the first settles: an operation among them that has
// not completed by then keeps what it would have taken. Their callbacks run before the result's. Lwt.pick.
func Pick[T any](ps ...*Promise[T]) *Promise[T] {
	mustHave("Pick", ps)
	return combine("Pick", ps, atFirst, true, first[T])
}

func first[T any](g *group) (T, rejection) { return outcomeOf[T](g.last) }

// NChoose waits as Choose does, and then has the values of all that are fulfilled by that time, in the order of ps. If
// one is rejected by then, so is the result. NChoose of nothing panics. Lwt.nchoose.
func NChoose[T any](ps ...*Promise[T]) *Promise[[]T] {
	mustHave("NChoose", ps)
	return combine("NChoose", ps, atFirst, false, ready[T])
}

// NPick is NChoose, but it cancels those that are still pending, as Pick does. Lwt.npick.
func NPick[T any](ps ...*Promise[T]) *Promise[[]T] {
	mustHave("NPick", ps)
	return combine("NPick", ps, atFirst, true, ready[T])
}

func ready[T any](g *group) ([]T, rejection) {
	s, r := split[T](g)
	return s.Values, r
}

// Split is the value of ChooseSplit.
type Split[T any] struct {
	Values  []T           // of those that are fulfilled
	Pending []*Promise[T] // the others
}

// ChooseSplit is NChoose that also returns the promises that are still pending, in the order of ps. ChooseSplit of nothing
// panics. Lwt.nchoose_split.
func ChooseSplit[T any](ps ...*Promise[T]) *Promise[Split[T]] {
	mustHave("ChooseSplit", ps)
	return combine("ChooseSplit", ps, atFirst, false, split[T])
}

func split[T any](g *group) (s Split[T], r rejection) {
	for i := range g.ins {
		p := typed[T](&g.ins[i])
		switch v, err, settled := p.peek(); {
		case !settled:
			s.Pending = append(s.Pending, p)
		case err != nil:
			return Split[T]{}, rejectionOf(p)
		default:
			s.Values = append(s.Values, v)
		}
	}
	return s, rejection{}
}
