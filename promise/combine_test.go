// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
)

func TestAllWaitsForAllAndKeepsTheOrder(t *testing.T) {
	l := newLoop(t)
	assert.Equal(t, []int{}, outcome(promise.All[int]()))
	p, pr := pending(l)
	q, qr := pending(l)
	d := promise.All(p, promise.Resolved(5), q, p)
	qr.Resolve(2)
	l.Flush()
	assert.Equal(t, "pending", outcome(d))
	pr.Resolve(1)
	l.Flush()
	assert.Equal(t, []int{1, 5, 2, 1}, outcome(d))
}

func TestAllRejectsWithTheFirstErrorInTime(t *testing.T) {
	l := newLoop(t)
	p, pr := pending(l)
	q, qr := pending(l)
	d := promise.All(p, q)
	qr.Reject(errTest)
	l.Flush()
	assert.Equal(t, "pending", outcome(d), "it waits for the rest")
	pr.Reject(errors.ErrUnsupported)
	l.Flush()
	assert.Equal(t, errTest, outcome(d))

	p, pr = pending(l)
	d = promise.All(p, promise.Rejected[int](errTest))
	pr.Reject(errors.ErrUnsupported)
	l.Flush()
	assert.Equal(t, errTest, outcome(d), "rejected before the call")
}

func TestChooseLeavesTheOthersPickCancelsThem(t *testing.T) {
	l := newLoop(t)
	for _, pick := range []bool{false, true} {
		p, _ := pending(l)
		q, qr := pending(l)
		race := promise.Choose[int]
		if pick {
			race = promise.Pick[int]
		}
		d := race(p, q)
		var seen any
		p.OnSettle(func(int, error) { seen = outcome(d) })
		qr.Resolve(2)
		l.Flush()
		assert.Equal(t, 2, outcome(d))
		if pick {
			assert.ErrorIs(t, outcome(p).(error), promise.ErrCanceled)
			assert.Equal(t, 2, seen)
		} else {
			assert.Equal(t, "pending", outcome(p))
			p.Cancel()
		}
	}
}

func TestLosersCallbacksRunBeforeTheResults(t *testing.T) {
	l := newLoop(t)
	p, _ := pending(l)
	q, qr := pending(l)
	var order []string
	promise.Pick(p, q).OnSettle(func(int, error) { order = append(order, "result") })
	p.OnSettle(func(int, error) { order = append(order, "loser") })
	qr.Resolve(1)
	l.Flush()
	assert.Equal(t, []string{"loser", "result"}, order)
}

func TestOfSettledInputsARejectedOneWins(t *testing.T) {
	l := newLoop(t)
	p, _ := pending(l)
	d := promise.Pick(promise.Resolved(1), p, promise.Rejected[int](errTest), promise.Resolved(2))
	assert.Equal(t, errTest, outcome(d))
	assert.ErrorIs(t, outcome(p).(error), promise.ErrCanceled, "before the call returns")

	wins := map[any]int{}
	q, _ := pending(l)
	for range 100 {
		wins[outcome(promise.Choose(promise.Resolved(1), promise.Resolved(2), q))]++
	}
	assert.Positive(t, wins[1])
	assert.Positive(t, wins[2])
	q.Cancel()
}

func TestUncancelableLoserGoesOn(t *testing.T) {
	l := newLoop(t)
	p, pr := pending(l)
	q, qr := pending(l)
	d := promise.Pick(p.NoCancel(), q)
	qr.Resolve(1)
	assert.Equal(t, 1, flushed(l, d))
	assert.Equal(t, "pending", outcome(p))
	pr.Resolve(1)
}

func TestRacingALongLivedPromiseKeepsTheHeapFlat(t *testing.T) {
	l := newLoop(t)
	ctx := l.Context()
	p, _ := pending(l)
	awaits := 0 // that have not returned
	short := func() *promise.Promise[int] {
		return promise.Map(promise.Pause(ctx), func(unit) (int, error) { return 1, nil })
	}
	for name, race := range map[string]func(){
		"choose":       func() { promise.Choose(p, short()) },
		"pick":         func() { promise.Pick(p.Protected(), short()) },
		"with timeout": func() { promise.WithTimeout(ctx, time.Nanosecond, p.Protected()).OnSettle(func(int, error) {}) },
		"with context": func() {
			c, cancel := context.WithCancel(ctx)
			promise.WithContext(c, p.Protected())
			cancel()
		},
		"await": func() {
			promise.Go(ctx, func(ctx context.Context) error {
				c, cancel := promise.ContextTimeout(ctx, time.Nanosecond)
				defer cancel()
				awaits++
				_, err := p.Await(c)
				awaits--
				assert.ErrorIs(t, err, promise.ErrTimeout)
				return nil
			})
		},
	} {
		p.OnSettle(func(int, error) {}) // interest: an Await that gives up must not cancel it
		for range 100 {
			race()
		}
		l.Advance(time.Microsecond)
		before := heap()
		rounds := many / 100
		if name == "choose" || name == "pick" {
			rounds *= 10
		}
		for range rounds {
			for range 100 {
				race()
			}
			l.Turn()
			l.Advance(time.Nanosecond)
			runtime.Gosched() // std ends a context's followers on goroutines of its own: they must not pile up
		}
		l.Advance(time.Microsecond)
		for i := 0; i < 100 && heap() > before+1<<20; i++ {
			runtime.Gosched()
			l.Flush()
		}
		assert.Less(t, heap(), before+1<<20, name)
		assert.Equal(t, "pending", outcome(p), name)
	}
	assert.Zero(t, awaits)
	p.Cancel()
}

func TestFailFastCancelsTheOthersAndRejectsAtOnce(t *testing.T) {
	l := newLoop(t)
	p, _ := pending(l)
	q, qr := pending(l)
	d := promise.AllFailFast(p, q)
	qr.Reject(errTest)
	l.Flush()
	assert.Equal(t, errTest, outcome(d))
	assert.ErrorIs(t, outcome(p).(error), promise.ErrCanceled)
	assert.ErrorIs(t, outcome(p).(error), errTest, "the others learn why")

	p, pr := pending(l)
	d = promise.AllFailFast(promise.Resolved(1), p)
	pr.Resolve(2)
	l.Flush()
	assert.Equal(t, []int{1, 2}, outcome(d))

	p, _ = pending(l)
	d = promise.AllFailFast(p, promise.Rejected[int](errTest))
	assert.Equal(t, errTest, outcome(d), "rejected before the call")
	assert.ErrorIs(t, outcome(p).(error), promise.ErrCanceled)
}

func TestJoinBothAndMixedTypes(t *testing.T) {
	l := newLoop(t)
	n, nr := pending(l)
	s, sr := promise.New[string](l.Context())
	join := promise.Join(n, promise.Resolved(1))
	mixed := promise.JoinMixed(n, s, promise.Resolved(1.5))
	both := promise.Both(n, s)
	sr.Resolve("a")
	l.Flush()
	assert.Equal(t, []any{"pending", "pending", "pending"}, []any{outcome(join), outcome(mixed), outcome(both)})
	nr.Resolve(1)
	l.Flush()
	assert.Equal(t, unit{}, outcome(join))
	assert.Equal(t, unit{}, outcome(mixed))
	assert.Equal(t, promise.Pair[int, string]{First: 1, Second: "a"}, outcome(both))

	n, nr = pending(l)
	s, sr = promise.New[string](l.Context())
	both = promise.Both(n, s)
	sr.Reject(errTest)
	l.Flush()
	assert.Equal(t, "pending", outcome(both), "it waits for the other")
	nr.Resolve(1)
	l.Flush()
	assert.Equal(t, errTest, outcome(both))
	assert.Equal(t, unit{}, outcome(promise.JoinMixed()))
}

func TestAllSettledHasEveryOutcome(t *testing.T) {
	l := newLoop(t)
	p, pr := pending(l)
	d := promise.AllSettled(p, promise.Rejected[int](errTest), promise.Resolved(3))
	pr.Resolve(1)
	l.Flush()
	assert.Equal(t, []promise.Result[int]{{Value: 1}, {Err: errTest}, {Value: 3}}, outcome(d))
}

func TestAnyIsTheFirstToBeFulfilled(t *testing.T) {
	l := newLoop(t)
	p, pr := pending(l)
	q, qr := pending(l)
	d := promise.Any(p, q, promise.Rejected[int](errTest))
	pr.Reject(errors.ErrUnsupported)
	l.Flush()
	assert.Equal(t, "pending", outcome(d))
	qr.Resolve(2)
	l.Flush()
	assert.Equal(t, 2, outcome(d))

	p, pr = pending(l)
	d = promise.Any(p, promise.Rejected[int](errTest))
	pr.Reject(errors.ErrUnsupported)
	l.Flush()
	assert.EqualError(t, outcome(d).(error), errors.Join(errors.ErrUnsupported, errTest).Error(), "in the order of the list")
}

func TestNChooseHasWhatIsThereWhenTheFirstCame(t *testing.T) {
	l := newLoop(t)
	p, pr := pending(l)
	q, qr := pending(l)
	r, _ := pending(l)
	all := promise.NChoose(r, q, p)
	split := promise.ChooseSplit(r, q, p)
	picked := promise.NPick(r, q, p)
	pr.Resolve(1)
	assert.False(t, qr.Resolve(2), "NPick has cancelled it")
	assert.Equal(t, []int{1}, outcome(all))
	assert.Equal(t, promise.Split[int]{Values: []int{1}, Pending: []*promise.Promise[int]{r, q}}, outcome(split))
	assert.Equal(t, []int{1}, outcome(picked))
	assert.ErrorIs(t, outcome(r).(error), promise.ErrCanceled)

	q, qr = pending(l)
	qr.Resolve(2)
	r, _ = pending(l)
	assert.Equal(t, []int{2, 1}, outcome(promise.NChoose(r, q, p)), "in the order of the list")
	assert.Equal(t, errTest, outcome(promise.NChoose(q, promise.Rejected[int](errTest))))
}

func TestCombinatorsRefuseNothingAndNil(t *testing.T) {
	empty := map[string]func(){
		"Choose":      func() { promise.Choose[int]() },
		"Pick":        func() { promise.Pick[int]() },
		"Any":         func() { promise.Any[int]() },
		"NChoose":     func() { promise.NChoose[int]() },
		"NPick":       func() { promise.NPick[int]() },
		"ChooseSplit": func() { promise.ChooseSplit[int]() },
	}
	for name, f := range empty {
		assert.PanicsWithValue(t, "promise: "+name+" of no promises would never settle: pass at least one", f)
	}
	var no *promise.Promise[int]
	missing := map[string]func(){
		"All":         func() { promise.All(no) },
		"AllFailFast": func() { promise.AllFailFast(no) },
		"AllSettled":  func() { promise.AllSettled(no) },
		"Join":        func() { promise.Join(no) },
		"JoinMixed":   func() { promise.JoinMixed(no) },
		"Both":        func() { promise.Both(promise.Resolved(1), no) },
		"Any":         func() { promise.Any(no) },
		"Choose":      func() { promise.Choose(no) },
		"Pick":        func() { promise.Pick(no) },
		"NChoose":     func() { promise.NChoose(no) },
		"NPick":       func() { promise.NPick(no) },
		"ChooseSplit": func() { promise.ChooseSplit(no) },
	}
	for name, f := range missing {
		assert.PanicsWithValue(t, "promise: "+name+": a promise is nil: leave it out, or pass promise.Resolved(v)", f)
	}
}
