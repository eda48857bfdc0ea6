// SPDX-License-Identifier: MIT

//go:build cgo

package uv

import "sync/atomic"

// slots is where tokens lead: each is a slot's number and its generation, so that a token outlived by its slot's next user
// leads nowhere. 0 is no token. Loop goroutine only, used apart.
type slots struct {
	all  []slot
	free []uint32
	used atomic.Int64
}

type slot struct {
	c    Completer
	gen  uint32
	once bool // the first event is the last
}

// add returns a token for c: of one event, or of any number until remove.
func (s *slots) add(c Completer, once bool) uint64 {
	var i uint32
	if n := len(s.free); n > 0 {
		i = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		i = uint32(len(s.all))
		s.all = append(s.all, slot{gen: 1})
	}
	t := &s.all[i]
	t.c, t.once = c, once
	s.used.Store(s.used.Load() + 1)
	return uint64(t.gen)<<32 | uint64(i)
}

// take returns the Completer of an event, nil for a stale token.
func (s *slots) take(token uint64) Completer {
	i := uint32(token)
	if int(i) >= len(s.all) {
		return nil
	}
	t := &s.all[i]
	if uint64(t.gen) != token>>32 {
		return nil
	}
	c := t.c
	if t.once {
		s.remove(token)
	}
	return c
}

// set gives a token another Completer.
func (s *slots) set(token uint64, c Completer) { s.all[uint32(token)].c = c }

// renew returns another token for the same Completer, for which the old one leads nowhere.
func (s *slots) renew(token uint64) uint64 {
	i := uint32(token)
	return uint64(s.all[i].next())<<32 | uint64(i)
}

// next begins the slot's next generation.
func (t *slot) next() uint32 {
	if t.gen++; t.gen == 0 {
		t.gen = 1
	}
	return t.gen
}

// remove makes a token lead nowhere.
func (s *slots) remove(token uint64) {
	i := uint32(token)
	if token == 0 || int(i) >= len(s.all) || uint64(s.all[i].gen) != token>>32 {
		return
	}
	t := &s.all[i]
	t.c = nil
	t.next()
	s.free = append(s.free, i)
	s.used.Store(s.used.Load() - 1)
}
