// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"os"
	"time"

	"github.com/weft-go/weft/promise"
)

// SetWriteDeadline sets when writing has taken too long, as net.Conn has it. At t, every Write and Flush that waits is rejected with an
// error that is os.ErrDeadlineExceeded to errors.Is; so is one that would have to wait later, until another deadline is set: the zero Time
// is none. A Write that is rejected may have left in part, after which only Abort is of use. Close is not bound by it, but see there.
// It returns net.ErrClosed when the connection is closed. Safe from any goroutine.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	closed := c.closed != nil || c.aborted != nil
	c.mu.Unlock()
	if closed {
		return c.state().writeError(errClosed)
	}
	c.l.here(func() { c.state().setWriteDeadline(t) })
	return nil
}

// lateError is os.ErrDeadlineExceeded for a write: the peer is to blame, not the program.
type lateError struct{}

func (lateError) Error() string    { return os.ErrDeadlineExceeded.Error() }
func (lateError) Unwrap() error    { return os.ErrDeadlineExceeded }
func (lateError) Timeout() bool    { return true }
func (lateError) Unreported() bool { return true }

// setWriteDeadline is SetWriteDeadline. Loop goroutine only.
func (s *connState) setWriteDeadline(t time.Time) {
	if p := s.deadline; p != nil {
		s.deadline = nil
		p.Cancel()
	}
	s.out.expire(nil)
	if t.IsZero() || s.shutd {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		s.out.expire(s.writeError(lateError{}))
		return
	}
	p := Sleep(s.conn.l.Context(context.Background()), left)
	s.deadline = p
	p.OnSettle(func(_ promise.Unit, err error) {
		if s.deadline == p && err == nil {
			s.deadline = nil
			s.out.expire(s.writeError(lateError{}))
		}
	})
}

// expire rejects what waits with err, and what would have to wait from now on; nil ends that.
func (o *Output) expire(err error) {
	o.mu.Lock()
	if o.late = err; err == nil {
		o.mu.Unlock()
		return
	}
	waiting := o.waiting
	o.waiting, o.above = nil, 0
	var flushes, last []*flushOp
	for _, f := range o.flushes {
		if f.last {
			last = append(last, f)
		} else {
			flushes = append(flushes, f)
		}
	}
	o.flushes = last
	o.mu.Unlock()
	for _, w := range waiting {
		w.Fail(err)
	}
	for _, f := range flushes {
		f.Fail(err)
	}
}
