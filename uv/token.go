// SPDX-License-Identifier: MIT

//go:build cgo

package uv

import "sync/atomic"

// slots is where tokens lead: each is a slot's number and its generation, so that a token outlived by its slot's next user
// leads nowhere. 0 is no token. Loop goroutine only, used apart.
type slots struct {
	chunks []*chunk // grows without moving the slots: a busy loop would stand still for that
	made   uint32   // slots that were used at least once
	free   []uint32
	used   atomic.Int64
}

type chunk [chunkSize]slot

const chunkSize = 256

type slot struct {
	c    Completer
	gen  uint32
	once bool // the first event is the last
}

// at returns a slot that was made.
func (s *slots) at(i uint32) *slot { return &s.chunks[i/chunkSize][i%chunkSize] }

// next makes a slot and returns its number.
func (s *slots) next() uint32 {
	i := s.made
	if i%chunkSize == 0 {
		s.chunks = append(s.chunks, new(chunk))
	}
	s.made++
	s.at(i).gen = 1
	return i
}

// find returns the slot of a token, nil for a stale one.
func (s *slots) find(token uint64) *slot {
	i := uint32(token)
	if i >= s.made {
		return nil
	}
	t := s.at(i)
	if uint64(t.gen) != token>>32 {
		return nil
	}
	return t
}

// add returns a token for c: of one event, or of any number until remove.
func (s *slots) add(c Completer, once bool) uint64 {
	var i uint32
	if n := len(s.free); n > 0 {
		i = s.free[n-1]
		s.free = s.free[:n-1]
	} else {
		i = s.next()
	}
	t := s.at(i)
	t.c, t.once = c, once
	s.used.Store(s.used.Load() + 1)
	return uint64(t.gen)<<32 | uint64(i)
}

// take returns the Completer of an event, nil for a stale token, and whether that was its only one.
func (s *slots) take(token uint64) (c Completer, once bool) {
	t := s.find(token)
	if t == nil {
		return nil, false
	}
	c, once = t.c, t.once
	if once {
		s.drop(token, t)
	}
	return c, once
}

// set gives a token another Completer.
func (s *slots) set(token uint64, c Completer) { s.at(uint32(token)).c = c }

// renew returns another token for the same Completer, for which the old one leads nowhere.
func (s *slots) renew(token uint64) uint64 {
	i := uint32(token)
	return uint64(s.at(i).renew())<<32 | uint64(i)
}

// renew begins the slot's next generation.
func (t *slot) renew() uint32 {
	if t.gen++; t.gen == 0 {
		t.gen = 1
	}
	return t.gen
}

// remove makes a token lead nowhere. A stale one does already.
func (s *slots) remove(token uint64) {
	if t := s.find(token); t != nil {
		s.drop(token, t)
	}
}

func (s *slots) drop(token uint64, t *slot) {
	t.c = nil
	t.renew()
	s.free = append(s.free, uint32(token))
	s.used.Store(s.used.Load() - 1)
}
