// SPDX-License-Identifier: MIT

package promise

// Protected returns a promise with p's outcome whose cancellation stops there: it is rejected, and p goes on. A settled p
// is returned itself. Lwt.protected.
func (p *Promise[T]) Protected() *Promise[T] {
	p.must("Protected")
	return newShield(p, false)
}

// NoCancel returns a promise with p's outcome that cannot be cancelled. When p is cancelled by other means, so is it. A
// settled p is returned itself. Lwt.no_cancel.
func (p *Promise[T]) NoCancel() *Promise[T] {
	p.must("NoCancel")
	if p.State() != StatePending {
		return p
	}
	v := &Promise[T]{q: p.q}
	v.state.Store(viewOnly)
	v.fwd.Store(p)
	return v
}

// isView reports whether p is another name for a cell, by which that cannot be cancelled. It holds no place among the
// cell's callbacks, so that any number of views of a long-lived promise cost it nothing.
func (p *Promise[T]) isView() bool { return p.state.Load()&viewOnly != 0 }

// Cancelable returns a promise with p's outcome that can be cancelled even where p cannot: it is rejected at once, and the
// cancellation goes on to p. A settled p is returned itself. Lwt.wrap_in_cancelable.
func (p *Promise[T]) Cancelable() *Promise[T] {
	p.must("Cancelable")
	return newShield(p, true)
}

// shield is the result of Protected or Cancelable.
type shield[T any] struct {
	Promise[T]
	node    node
	in      *Promise[T]
	through bool // a cancellation goes on to in
}

func newShield[T any](p *Promise[T], through bool) *Promise[T] {
	if p.State() != StatePending {
		return p
	}
	s := &shield[T]{in: p, through: through}
	s.q, s.node.cb, s.node.concludes = p.q, s, true
	s.from = s
	s.made()
	s.state.Store(hasRelease)
	if !p.attach(&s.node) {
		s.stillborn(ErrLoopClosed)
	}
	return &s.Promise
}

func (h *shield[T]) run()      { panic("not reached: a shield is on its promise's loop") }
func (h *shield[T]) conclude() { h.settleAs(h.in) }

func (h *shield[T]) seek(s *search) fate {
	if h.through {
		s.into(h.in)
	}
	return leaf
}

func (h *shield[T]) release() { h.in.detachLocked(&h.node, false) }
