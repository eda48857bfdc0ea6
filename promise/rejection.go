// SPDX-License-Identifier: MIT

package promise

import "errors"

// rejection is an error with its manner, which a conclusion hands on: only code of the error's own can tell it, and
// that must not run while a queue is locked. A zero rejection is a fulfilment.
type rejection struct {
	err    error
	manner manner
}

// outcomeOf returns the outcome of a settled member whose type is known.
func outcomeOf[T any](m *member) (v T, r rejection) {
	p := typed[T](m)
	v, err, _ := p.peek()
	if err == nil {
		return v, r
	}
	return v, rejectionOf(p)
}

// rejectionOf returns the rejection of a rejected promise.
func rejectionOf(p awaited) rejection {
	err, _ := p.outcome()
	return rejection{err, p.manner()}
}

// joined returns the rejections of all members, which are all rejected, in their order.
func joined(ins []member) rejection {
	errs := make([]error, len(ins))
	r := rejection{manner: byClose}
	for i := range ins {
		one := rejectionOf(ins[i].p)
		errs[i] = one.err
		r.manner = r.manner.with(one.manner)
	}
	r.err = errors.Join(errs...)
	return r
}

// manner returns how a settled promise was rejected.
func (p *Promise[T]) manner() manner {
	r := p.root()
	s := r.state.Load()
	if s&stateMask == uint32(StatePending) {
		return byClose // its loop is closed
	}
	return manner(s >> mannerShift)
}
