// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/weft-go/weft/promise"
)

// stall watches a connection whose output waits to leave, and calls over when the peer has taken nothing of it for limit. A peer that
// takes little is no stall, however long that lasts. Loop goroutine only.
type stall struct {
	s     *connState
	limit time.Duration
	over  func(err error)
	timer *promise.Promise[promise.Unit] // nil: it does not watch
	seen  progress
	since time.Duration // when seen has come about
}

// progress is how far a connection's output has come: what has left its buffer, and what of that the peer has not taken.
type progress struct {
	left   int64
	unsent int
}

func (s *connState) progress() progress {
	s.out.mu.Lock()
	left := s.out.written
	s.out.mu.Unlock()
	return progress{left, s.tcp.Unsent()}
}

// looksPerLimit is how often a stall looks within its limit, and so how exact that is.
const looksPerLimit = 4

func (w *stall) start() {
	if w.timer == nil {
		w.seen, w.since = w.s.progress(), w.s.conn.l.Now()
		w.wait()
	}
}

func (w *stall) stop() {
	if p := w.timer; p != nil {
		w.timer = nil
		p.Cancel()
	}
}

func (w *stall) wait() {
	p := Sleep(w.s.conn.l.Context(context.Background()), w.limit/looksPerLimit)
	w.timer = p
	p.OnSettle(func(_ promise.Unit, err error) {
		if w.timer == p {
			w.timer = nil
			if err == nil { // else the loop ends, whose grace bounds everything
				w.look()
			}
		}
	})
}

func (w *stall) look() {
	now := w.s.conn.l.Now()
	if p := w.s.progress(); p != w.seen {
		w.seen, w.since = p, now
	}
	if now-w.since >= w.limit {
		w.over(&stallError{w.limit})
		return
	}
	w.wait()
}

// stallError says that a peer does not read.
type stallError struct{ limit time.Duration }

func (e *stallError) Error() string {
	return fmt.Sprintf("the peer has read nothing for %v, so what waited for it is dropped: i/o timeout", e.limit)
}

// Timeout is true, as for every deadline.
func (e *stallError) Timeout() bool { return true }

// Is makes it a deadline's end to errors.Is.
func (e *stallError) Is(target error) bool {
	return target == os.ErrDeadlineExceeded || target == context.DeadlineExceeded
}

// Unreported says that the peer is to blame, not the program.
func (e *stallError) Unreported() bool { return true }
