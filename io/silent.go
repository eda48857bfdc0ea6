// SPDX-License-Identifier: MIT

package io

import (
	"fmt"
	"time"

	"github.com/weft-go/weft/promise"
)

// errSilent is promise.ErrTimeout of a peer that has said nothing.
var errSilent = fmt.Errorf("%w", promise.ErrTimeout)

// silent is a served connection whose handler waits for the peer's first byte, as an operation of its Input. Loop goroutine only: nobody
// else has the connection yet.
type silent struct {
	d     *served
	since time.Duration // accepted
	place ringLink[*silent]
}

// take starts the handler when there is something for it: bytes, the end, or a failure.
func (f *silent) take(in *Input) bool {
	if len(in.data) == 0 && in.err == nil {
		return false
	}
	f.d.s.silent.remove(&f.place)
	f.d.begin()
	return true
}

func (f *silent) fail(error) {} // take never lets it come to that

// drop closes the connection; err is what its server hears.
func (f *silent) drop(err error) {
	f.d.end(err)
	f.d.cut(errClosed)
}

// startAtFirstByte starts the handler of a connection when its peer speaks.
func (s *Server) startAtFirstByte(d *served) {
	f := &silent{d: d, since: s.l.Now()}
	s.silent.add(&f.place, f)
	s.watchSilence()
	d.c.submit(f)
}

// watchSilence closes the connections whose peers have not spoken in time. They are in the order of their accept, so that one
// timer, for the first, does for all.
func (s *Server) watchSilence() {
	for k := s.silent.first(); k != nil && s.firstByte > 0 && !s.watching; k = s.silent.first() {
		if left := k.of.since + s.firstByte - s.l.Now(); left > 0 {
			s.watching = true
			Sleep(s.ctx, left).OnSettle(func(promise.Unit, error) {
				s.watching = false
				if !s.closing {
					s.watchSilence()
				}
			})
			return
		}
		k.of.drop(fmt.Errorf("nothing came within %v of the connection: %w", s.firstByte, errSilent))
	}
}

// dropSilent closes the connections whose peers have not spoken.
func (s *Server) dropSilent() {
	for k := s.silent.first(); k != nil; k = s.silent.first() {
		k.of.drop(nil)
	}
}
