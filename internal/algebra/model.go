// SPDX-License-Identifier: MIT

package algebra

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/weft-go/weft/promise"
)

// cell is a promise of the model: no locks, no lists that link themselves, no memory given back.
type cell struct {
	settled   bool
	v         any
	err       error
	callbacks []*callback

	same *cell                    // this cell was bound to that one: they are one promise
	view *cell                    // NoCancel: another name for that one, by which it cannot be cancelled
	seek func(s *searching) found // where a cancellation goes; nil: nowhere
	over func()                   // called once, when the promise settles
	seen int                      // the last search that came by
}

type callback struct {
	run      func()
	onCancel bool
	queued   bool
	gone     bool // detached
}

// found is what a search finds at a cell.
type found bool

const (
	leaf   found = true // it is rejected
	passed found = false
)

// model is the algebra as DESIGN says it, one thing after the other.
type model struct {
	cells    []*cell
	opened   map[int]bool // those with a resolver
	queue    []*callback
	pausers  []*callback
	searches int
	random   *rand.Rand
}

func newModel(seed uint64) *model {
	return &model{opened: map[int]bool{}, random: rand.New(rand.NewPCG(seed, 2))}
}

func (c *cell) root() *cell {
	for c.same != nil || c.view != nil {
		if c.same != nil {
			c = c.same
		} else {
			c = c.view
		}
	}
	return c
}

func (c *cell) pending() bool { return !c.root().settled }

func (m *model) settle(c *cell, v any, err error) {
	c = c.root()
	if c.settled {
		return
	}
	c.settled, c.v, c.err, c.seek = true, v, err, nil
	if c.over != nil {
		c.over()
	}
	for _, first := range []bool{true, false} {
		for _, cb := range c.callbacks {
			if cb.onCancel == first && !cb.gone && (!first || errors.Is(err, context.Canceled)) {
				m.enqueue(cb)
			}
		}
	}
	c.callbacks = nil
}

func (m *model) enqueue(cb *callback) {
	cb.queued = true
	m.queue = append(m.queue, cb)
}

func (m *model) attach(c *cell, cb *callback) {
	if r := c.root(); r.settled {
		m.enqueue(cb)
	} else {
		r.callbacks = append(r.callbacks, cb)
	}
}

func detach(cb *callback) { cb.gone = cb.gone || !cb.queued }

// turn runs what was paused, and then the queue until it is empty.
func (m *model) turn() {
	m.queue, m.pausers = append(m.pausers, m.queue...), nil
	for len(m.queue) > 0 {
		cb := m.queue[0]
		m.queue = m.queue[1:]
		cb.run()
	}
}

// searching is a cancellation on its way: depth first, inputs in order.
type searching struct{ todo []*cell }

func (s *searching) into(c *cell) found {
	if !c.pending() {
		return leaf
	}
	s.todo = append(s.todo, c)
	return passed
}

func (m *model) cancel(c *cell, cause error) {
	err := canceled(cause)
	m.searches++
	s := &searching{todo: []*cell{c}}
	for len(s.todo) > 0 {
		c := s.todo[len(s.todo)-1]
		s.todo = s.todo[:len(s.todo)-1]
		if c.view != nil {
			continue
		}
		r := c.root()
		if r.settled || r.seek == nil || r.seen == m.searches {
			continue
		}
		r.seen = m.searches
		if r.seek(s) == leaf {
			m.settle(r, nil, err)
		}
	}
}

// canceled is what a cancelled promise is rejected with.
func canceled(cause error) error {
	switch {
	case cause == nil:
		return promise.ErrCanceled
	case errors.Is(cause, promise.ErrCanceled):
		return cause
	}
	return &canceledError{cause}
}

type canceledError struct{ cause error }

func (e *canceledError) Error() string { return "promise: canceled: " + e.cause.Error() }
func (e *canceledError) Is(target error) bool {
	return target == promise.ErrCanceled || target == context.Canceled
}
func (e *canceledError) Unwrap() error { return e.cause }

// mapped is Map: its own promise is the leaf once the input has settled.
func (m *model) mapped(in *cell, f func(v any) (any, error)) *cell {
	c := &cell{}
	c.seek = func(s *searching) found { return s.into(in) }
	m.attach(in, &callback{run: func() {
		if !c.pending() {
			return
		}
		i := in.root()
		if i.err != nil {
			m.settle(c, nil, i.err)
			return
		}
		var v any
		err := catch(func() (err error) { v, err = f(i.v); return err })
		m.settle(c, v, err)
	}})
	return c
}

// bound is Bind, Then, Catch and the two halves of Finally, which always runs.
func (m *model) bound(in *cell, ok func(v any) *cell, fail func(err error) *cell, always bool) *cell {
	c := &cell{}
	c.seek = func(s *searching) found {
		if f := s.into(in); !always {
			return f
		}
		return passed
	}
	m.attach(in, &callback{run: func() {
		if !c.pending() {
			return
		}
		c.root().seek = nil // no cancellation while the callback computes
		i := in.root()
		next := in
		err := catch(func() error {
			if i.err != nil && fail != nil {
				next = fail(i.err)
			} else if i.err == nil && ok != nil {
				next = ok(i.v)
			}
			return nil
		})
		if err != nil {
			m.settle(c, nil, err)
			return
		}
		m.become(c, next)
	}})
	return c
}

// become makes c and next one promise.
func (m *model) become(c, next *cell) {
	r, n := c.root(), next.root()
	switch {
	case n.settled:
		m.settle(c, n.v, n.err)
	case next.view != nil:
		r.seek = func(s *searching) found { return s.into(next) }
		m.attach(next, &callback{run: func() { m.settle(c, n.root().v, n.root().err) }})
	case r == n || r.settled:
	default:
		r.callbacks = append(r.callbacks, n.callbacks...)
		r.seek, r.over = n.seek, n.over
		n.same = r
	}
}

func catch(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New(fmt.Sprint(p))
		}
	}()
	return f()
}

// rule is what tells one combinator from another.
type rule struct {
	enough  func(err error) bool // whether an outcome ends it; the last one always does
	cancels bool                 // the others are cancelled at the end
	blames  bool                 // and learn the first rejection
	result  func(ins []*cell, first error, last *cell) (any, error)
}

// group is a combinator.
func (m *model) group(ins []*cell, is rule) *cell {
	c := &cell{}
	left, over := len(ins), false
	var firstErr error
	var cbs []*callback
	note := func(err error) bool {
		if over {
			return false
		}
		left--
		if firstErr == nil {
			firstErr = err
		}
		over = left == 0 || is.enough(err)
		return over
	}
	conclude := func(last *cell) {
		v, err := is.result(ins, firstErr, last)
		for _, in := range ins {
			switch {
			case !is.cancels || !in.pending():
			case is.blames:
				m.cancel(in, firstErr)
			default:
				m.cancel(in, nil)
			}
		}
		m.settle(c, v, err)
	}
	for _, in := range m.settledFirst(ins, is.enough) {
		if note(in.root().err) {
			conclude(in)
			return c
		}
	}
	c.seek = func(s *searching) found {
		if over {
			return passed
		}
		f := leaf
		for k := len(ins) - 1; k >= 0; k-- {
			if s.into(ins[k]) == passed {
				f = passed
			}
		}
		return f
	}
	c.over = func() {
		over = true
		for _, cb := range cbs {
			detach(cb)
		}
	}
	for _, in := range ins {
		if in.pending() {
			cb := &callback{}
			cb.run = func() {
				if note(in.root().err) {
					conclude(in)
				}
			}
			cbs = append(cbs, cb)
			m.attach(in, cb)
		}
	}
	return c
}

// settledFirst are the members that are settled at the call, in the order in which they count.
func (m *model) settledFirst(ins []*cell, enough func(err error) bool) (first []*cell) {
	var fulfilled []*cell
	for _, in := range ins {
		switch {
		case in.pending():
		case in.root().err != nil:
			if first = append(first, in); race(enough) {
				return first
			}
		default:
			fulfilled = append(fulfilled, in)
			if !race(enough) {
				first = append(first, in)
			}
		}
	}
	if !race(enough) || len(fulfilled) == 0 {
		return first
	}
	k := 0
	if len(fulfilled) > 1 {
		k = m.random.IntN(len(fulfilled))
	}
	return fulfilled[k : k+1]
}

// race reports whether any outcome is enough.
func race(enough func(err error) bool) bool { return enough(nil) && enough(errStep) }
