// SPDX-License-Identifier: MIT

package facts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
)

// script is one way in which the inputs of a combination settle.
type script struct {
	errs   []error // what the inputs are rejected with; one without an error is fulfilled with its index
	order  []int   // in which they settle
	before int     // how many of them before the combination is made
	burst  bool    // the others settle in one step of the loop; otherwise each in its own
}

// scripts returns all of n inputs.
func scripts(n int) (all []script) {
	for _, order := range permutations(n) {
		for fails := range 1 << n {
			errs := make([]error, n)
			for i := range errs {
				if fails>>i&1 == 1 {
					errs[i] = fmt.Errorf("error of input %d", i)
				}
			}
			for before := range n + 1 {
				all = append(all, script{errs, order, before, false}, script{errs, order, before, true})
			}
		}
	}
	return all
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, p := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(p), i, n-1))
		}
	}
	return all
}

// history is what a combination knows at one moment.
type history struct {
	script
	ps    []*ints
	known []int // what it has heard of, in that order
	seen  []int // what has settled
}

func (h history) begun() bool    { return len(h.known) > 0 }
func (h history) complete() bool { return len(h.known) == len(h.ps) }

func (h history) fulfilled() bool {
	return slices.ContainsFunc(h.known, func(i int) bool { return h.errs[i] == nil })
}

// atCall returns what had settled before the call, in the order of the list.
func (h history) atCall() []int { return sorted(h.known[:h.before]) }

func sorted(list []int) []int { return slices.Sorted(slices.Values(list)) }

// firstError is the first in time; of those at the call, the first of the list.
func (h history) firstError() error {
	for _, i := range append(h.atCall(), h.known[h.before:]...) {
		if h.errs[i] != nil {
			return h.errs[i]
		}
	}
	return nil
}

// values are all that are there, in the order of the list.
func (h history) values() (vals []int) {
	for _, i := range sorted(h.seen) {
		if h.errs[i] == nil {
			vals = append(vals, i)
		}
	}
	return vals
}

func (h history) results() (all []promise.Result[int]) {
	for i, err := range h.errs {
		if err != nil {
			all = append(all, promise.Result[int]{Err: err})
		} else {
			all = append(all, promise.Result[int]{Value: i})
		}
	}
	return all
}

func (h history) pending() (ps []*ints) {
	for i, p := range h.ps {
		if !slices.Contains(h.seen, i) {
			ps = append(ps, p)
		}
	}
	return ps
}

// first is what Choose may have: at the call a rejected input wins, and else any.
func (h history) first() (want []any) {
	if h.before == 0 {
		return []any{h.outcome(h.known[0])}
	}
	if err := h.firstError(); err != nil {
		return []any{err}
	}
	for _, i := range h.atCall() {
		want = append(want, i)
	}
	return want
}

// firstValue is what Any may have.
func (h history) firstValue() (want []any) {
	for n, i := range h.known {
		if h.errs[i] == nil && (n < h.before || len(want) == 0) {
			want = append(want, i)
		}
	}
	if len(want) == 0 {
		want = append(want, errors.Join(h.errs...))
	}
	return want
}

func (h history) outcome(i int) any {
	if h.errs[i] != nil {
		return h.errs[i]
	}
	return i
}

// unless expects the first error in time, and without one, value.
func unless(value func(h history) any) func(h history) []any {
	return func(h history) []any {
		if err := h.firstError(); err != nil {
			return []any{err}
		}
		return []any{value(h)}
	}
}

// unlessSeen expects the first error in the list of what has settled, and without one, value.
func unlessSeen(value func(h history) any) func(h history) []any {
	return func(h history) []any {
		for _, i := range sorted(h.seen) {
			if h.errs[i] != nil {
				return []any{h.errs[i]}
			}
		}
		return []any{value(h)}
	}
}

// trial is one combination on its way through a script.
type trial struct {
	t    *testing.T
	c    combinator
	h    history
	rs   []*promise.Resolver[int]
	made combined
	want []any // nil: it is pending
	end  history
}

// play runs a script on a combinator and compares the outcome after each step with what is expected.
func play(t *testing.T, ctx context.Context, c combinator, s script) {
	r := trial{t: t, c: c, h: history{script: s}}
	for range s.errs {
		p, pr := promise.New[int](ctx)
		r.h.ps, r.rs = append(r.h.ps, p), append(r.rs, pr)
	}
	for _, i := range s.order[:s.before] {
		r.settle(i)
	}
	r.made = c.of(r.h.ps...)
	r.heard(s.before)
	r.check()
	for n := s.before; n < len(s.order); n++ {
		r.settle(s.order[n])
		r.heard(n + 1)
		if !s.burst {
			step(ctx)
		}
		r.check() // no callback has to run for it
	}
}

// settle settles input i, which fails only if the combination has cancelled that.
func (r *trial) settle(i int) {
	killed := r.want != nil && r.c.kills != nil
	assert.Equal(r.t, !killed, r.rs[i].Settle(i, r.h.errs[i]), "%s: %+v: settle %d", r.c.name, r.h.script, i)
	r.h.seen = append(r.h.seen, i)
}

// heard has the combination know of the first n to settle.
func (r *trial) heard(n int) {
	r.h.known = r.h.order[:n]
	if r.want == nil && r.c.ends(r.h) {
		r.want, r.end = r.c.want(r.h), r.h
	}
}

func (r *trial) check() {
	if r.want == nil {
		assert.Equal(r.t, "pending", r.made.outcome(), "%s: %+v", r.c.name, r.h.script)
		return
	}
	assert.Contains(r.t, r.want, r.made.outcome(), "%s: %+v", r.c.name, r.h.script)
	for i, p := range r.h.ps {
		switch {
		case slices.Contains(r.end.seen, i):
			assert.Equal(r.t, r.h.outcome(i), outcome(p), "%s: %+v: input %d", r.c.name, r.h.script, i)
		case r.c.kills != nil:
			assertCanceled(r.t, outcome(p), r.c.name, r.h.script, i)
			assert.ErrorIs(r.t, outcome(p).(error), r.c.kills(r.end), "%s: %+v: input %d", r.c.name, r.h.script, i)
		}
	}
}
