// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// ring is several loops that one goroutine turns by hand, one after the other.
type ring struct {
	loops   []*promisetest.Loop
	turning string // the loop whose turn it is
}

func newRing(t *testing.T) (r *ring, a, b, c *promisetest.Loop) {
	r = &ring{}
	for range 3 {
		r.loops = append(r.loops, newLoop(t))
	}
	return r, r.loops[0], r.loops[1], r.loops[2]
}

// flush turns the loops until all news has gone round.
func (r *ring) flush() {
	for range 6 {
		for i, l := range r.loops {
			r.turning = string(rune('a' + i))
			l.Flush()
		}
	}
	r.turning = ""
}

// ran returns an observer that notes on which loop it ran.
func (r *ring) ran(where *string) func(int, error) {
	return func(int, error) { *where += r.turning }
}

func TestEachCallbackRunsOnItsLoop(t *testing.T) {
	r, a, b, c := newRing(t)
	pa, ra := pending(a)
	pb, rb := pending(b)
	pc, rc := pending(c)
	var mapped, bound, boundTo, all, picked, under string
	promise.Map(pb, func(int) (int, error) { mapped += r.turning; return 0, nil }).OnSettle(r.ran(&mapped))
	chain := promise.Bind(pa, func(int) *promise.Promise[int] { bound += r.turning; return pc })
	chain.OnSettle(r.ran(&bound))
	promise.Map(chain, double).OnSettle(r.ran(&boundTo))
	promise.All(pb, pa, pc).OnSettle(func([]int, error) { all += r.turning })
	promise.Pick(pc, pb.Protected()).OnSettle(r.ran(&picked))
	promise.WithContext(c.Context(), pb).OnSettle(r.ran(&under))
	rb.Resolve(2)
	ra.Resolve(1)
	rc.Resolve(3)
	r.flush()
	assert.Equal(t, "bb", mapped)
	assert.Equal(t, "aa", bound, "the result of a Bind stays where its input is, whatever is inside")
	assert.Equal(t, "a", boundTo)
	assert.Equal(t, "b", all, "the loop of the first pending one")
	assert.Equal(t, "c", picked)
	assert.Equal(t, "c", under)
	assert.Equal(t, 3, outcome(chain))
}

func TestCancelGoesRoundTheLoops(t *testing.T) {
	r, a, b, c := newRing(t)
	pa, _ := pending(a)
	pb, _ := pending(b)
	pc, _ := pending(c)
	inner := promise.Bind(pa.NoCancel().Catch(func(error) *promise.Promise[int] { return pb }), func(int) *promise.Promise[int] { return pc })
	pa.CancelCause(errTest)
	r.flush() // inner waits for pb, on another loop
	var heard string
	pb.OnCancel(func() { heard += "pb on " + r.turning })
	inner.CancelCause(errTest)
	assert.ErrorIs(t, outcome(pb).(error), promise.ErrCanceled, "the leaf at once")
	assert.Equal(t, "pending", outcome(inner), "what follows from it, once its loop has told")
	r.flush()
	assert.ErrorIs(t, outcome(inner).(error), errTest)
	assert.Equal(t, "pb on b", heard)

	pa, _ = pending(a)
	pb, _ = pending(b)
	all := promise.All(promise.Map(pa, double), promise.Map(pb, double), promise.Map(pc, double))
	all.Cancel()
	for _, p := range []*promise.Promise[int]{pa, pb, pc} {
		assert.ErrorIs(t, outcome(p).(error), promise.ErrCanceled)
	}
	r.flush()
	assert.ErrorIs(t, outcome(all).(error), promise.ErrCanceled)
}

func TestAPickCancelsItsLosersOnTheirLoops(t *testing.T) {
	r, a, b, c := newRing(t)
	winner, rw := pending(b)
	var losers string
	la, _ := pending(a)
	la.OnCancel(func() { losers += r.turning })
	lc, _ := pending(c)
	lc.OnCancel(func() { losers += r.turning })
	p := promise.Pick(la, winner, lc)
	rw.Resolve(7)
	r.flush()
	assert.Equal(t, 7, outcome(p))
	assert.ElementsMatch(t, []byte("ac"), []byte(losers))
}

func TestTasksAwaitPromisesOfOtherLoops(t *testing.T) {
	r, a, b, c := newRing(t)
	pb, rb := pending(b)
	pc, _ := pending(c)
	var steps string
	p := promise.Spawn(a.Context(), func(ctx context.Context) (int, error) {
		v, err := pb.Await(ctx)
		steps += r.turning
		if err != nil {
			return 0, err
		}
		short, cancel := promise.ContextTimeout(ctx, time.Second)
		defer cancel()
		_, err = pc.Await(short)
		steps += r.turning
		assert.ErrorIs(t, err, promise.ErrTimeout)
		return v, nil
	})
	r.flush()
	rb.Resolve(5)
	r.flush()
	assert.Equal(t, "a", steps)
	a.Advance(time.Second)
	r.flush()
	assert.Equal(t, 5, outcome(p))
	assert.ErrorIs(t, outcome(pc).(error), promise.ErrCanceled, "nobody else wanted it")
}

func TestRacingAPromiseOfAnotherLoopKeepsTheHeapFlat(t *testing.T) {
	r, a, b, _ := newRing(t)
	long, _ := pending(b)
	race := func() {
		for range 50 {
			p, q := pending(a)
			promise.Pick(p, long.Protected())
			promise.Choose(p, long)
			q.Resolve(1)
		}
		r.flush()
	}
	race()
	before := heap()
	for range many / 500 {
		race()
	}
	assert.Less(t, heap(), before+1<<20)
	assert.Equal(t, "pending", outcome(long))
	long.Cancel()
}

func TestALoopThatClosesLetsTheOthersKnow(t *testing.T) {
	r, a, b, c := newRing(t)
	_ = c
	pb, _ := pending(b)
	pa, ra := pending(a)
	bound := promise.Bind(pa, func(int) *promise.Promise[int] { return pb })
	all := promise.All(pa, pb)
	onB := promise.Bind(pb.Protected(), func(int) *promise.Promise[int] { return pa })
	task := promise.Spawn(a.Context(), pb.NoCancel().Await)
	ra.Resolve(1)
	r.flush()
	for _, p := range []*promise.Promise[int]{bound, onB, task} {
		assert.Equal(t, "pending", outcome(p))
	}
	require.Empty(t, b.Close())
	assert.Equal(t, promise.ErrLoopClosed, outcome(onB))
	r.loops = r.loops[:1]
	r.flush()
	assert.ErrorIs(t, outcome(bound).(error), promise.ErrLoopClosed)
	assert.ErrorIs(t, outcome(all).(error), promise.ErrLoopClosed)
	assert.ErrorIs(t, outcome(task).(error), promise.ErrLoopClosed)
}
