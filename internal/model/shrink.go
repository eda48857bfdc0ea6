// SPDX-License-Identifier: MIT

package model

import "slices"

// Shrink leaves out steps and makes those left simpler, for as long as fails still says so.
func (p Program) Shrink(fails func(Program) bool) Program {
	for again := true; again; {
		again = false
		for i := len(p.Steps) - 1; i >= 0; i-- {
			if i >= len(p.Steps) {
				continue
			}
			for _, q := range p.simpler(i) {
				if fails(q) {
					p, again = q, true
					break
				}
			}
		}
	}
	return p
}

// simpler lists programs that differ from p in step i: first those without it.
func (p Program) simpler(i int) (qs []Program) {
	if q, ok := p.without(i); ok {
		qs = append(qs, q)
	}
	try := func(change func(s *Step) bool) {
		q := p.clone()
		if change(&q.Steps[i]) {
			qs = append(qs, q)
		}
	}
	set := func(place func(s *Step) *int, to int) {
		try(func(s *Step) bool {
			changed := *place(s) != to
			*place(s) = to
			return changed
		})
	}
	for k := range p.Steps[i].P {
		if t := traitsOf[p.Steps[i].Op]; len(p.Steps[i].P) > max(t.least, 0) {
			try(func(s *Step) bool { s.P = slices.Delete(s.P, k, k+1); return true })
		}
	}
	try(func(s *Step) bool { c := s.End != EndValue; s.End, s.Ret = EndValue, none; return c })
	try(func(s *Step) bool { c := s.Raw; s.Raw = false; return c })
	try(func(s *Step) bool { c := s.Later; s.Later = false; return c })
	try(func(s *Step) bool { c := s.Under != underCtx; s.Under = underCtx; return c })
	if s := p.Steps[i]; s.Op != EndContext && s.Ctx != none {
		set(func(s *Step) *int { return &s.Ctx }, none)
	}
	if p.Steps[i].Inside != none && p.Steps[i].Op != Await {
		try(func(s *Step) bool { s.Inside, s.On = none, s.Loop; return true })
	} else if s := p.Steps[i]; s.On == none && !traitsOf[s.Op].top {
		set(func(s *Step) *int { return &s.On }, s.Loop)
	}
	if p.Steps[i].D > 1 {
		set(func(s *Step) *int { return &s.D }, 1)
	}
	return qs
}

// without leaves step i out. What used its promise uses what that was made of, or else another one; it returns false when there is none.
func (p Program) without(i int) (Program, bool) {
	out := p.Steps[i]
	sub := none
	if len(out.P) > 0 {
		sub = out.P[0]
	}
	q := p.clone()
	for k := range q.Steps {
		s := &q.Steps[k]
		if s.Inside == i {
			s.Inside, s.On = out.Inside, out.On
			if s.Inside == none && s.Op == Await {
				return p, false
			}
		}
		if s.Ctx == i {
			if s.Ctx = out.Ctx; s.Op == EndContext && s.Ctx == none && k != i {
				return p, false
			}
		}
		if s.Ret == i {
			s.End, s.Ret = EndValue, none
		}
		for j := range s.P {
			if s.P[j] != i || k == i {
				continue
			}
			root := s.Op == Resolve || s.Op == Reject || s.Op == RejectCanceled
			if sub == none || root && p.Steps[sub].Op != New {
				return p, false
			}
			s.P[j] = sub
		}
	}
	q.Steps = slices.Delete(q.Steps, i, i+1)
	q.renumber(func(n int) int {
		if n > i {
			return n - 1
		}
		return n
	})
	return q, true
}
