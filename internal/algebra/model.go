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
	late *late                    // a cancellation that waits for the callback which computes this one
	over func()                   // called once, when the promise settles
	seen int                      // the last search that came by
}

type callback struct {
	run       func()
	onCancel  bool
	concludes bool // runs no code of users, and so at once: see model.locked
	queued    bool
	gone      bool // detached
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
	depth    int         // of locked
	conclude []*callback // what locked still has to run
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

// locked calls f, and then what f's settling has to conclude, before anything else can happen.
func (m *model) locked(f func()) {
	m.depth++
	f()
	for m.depth == 1 && len(m.conclude) > 0 {
		cb := m.conclude[0]
		m.conclude = m.conclude[1:]
		cb.run()
	}
	m.depth--
}

func (m *model) settle(c *cell, v any, err error) { m.locked(func() { m.fill(c.root(), v, err) }) }

func (m *model) fill(c *cell, v any, err error) {
	if c.settled {
		return
	}
	c.settled, c.v, c.err, c.seek, c.late = true, v, err, nil, nil
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
	if cb.concludes {
		m.conclude = append(m.conclude, cb)
	} else {
		m.queue = append(m.queue, cb)
	}
}

func (m *model) attach(c *cell, cb *callback) {
	m.locked(func() {
		if r := c.root(); r.settled {
			m.enqueue(cb)
		} else {
			r.callbacks = append(r.callbacks, cb)
		}
	})
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
type searching struct {
	err  error
	todo []*cell
	from *cell             // the one that is asked
	back map[*cell][]*cell // from each input to those that the search came from
	late []*late
}

// late is a cancellation that met a callback which has to run: it goes on when that has run, as if it had come then.
type late struct {
	err  error
	back map[*cell][]*cell
}

// into goes on to an input; false: that is settled.
func (s *searching) into(c *cell) bool {
	if !c.pending() {
		return false
	}
	s.back[c.root()] = append(s.back[c.root()], s.from)
	s.todo = append(s.todo, c)
	return true
}

// wait has the search go on when c's callback has run.
func (s *searching) wait(c *cell) {
	l := &late{err: s.err}
	c.late = l
	c.seek = func(s *searching) found { s.late = append(s.late, l); return passed }
	s.late = append(s.late, l)
}

func (m *model) cancel(c *cell, cause error) { m.search(c, canceled(cause), nil) }

func (m *model) search(c *cell, err error, back map[*cell][]*cell) {
	m.searches++
	s := &searching{err: err, todo: []*cell{c}, back: map[*cell][]*cell{}}
	add(s.back, back)
	m.locked(func() {
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
			s.from = r
			if r.seek(s) == leaf {
				m.fill(r, nil, err)
			}
		}
		for _, l := range s.late {
			if l.back == nil {
				l.back = map[*cell][]*cell{}
			}
			add(l.back, s.back)
		}
	})
}

func add(to, from map[*cell][]*cell) {
	for c, back := range from {
		to[c] = append(to[c], back...)
	}
}

// resume goes on with a cancellation that has waited for the callback of c.
func (m *model) resume(l *late, c *cell) {
	if l == nil {
		return
	}
	seen := map[*cell]bool{}
	m.locked(func() {
		for todo := []*cell{c}; len(todo) > 0; {
			c, todo = todo[0].root(), todo[1:]
			switch {
			case seen[c]:
			case c.settled:
				todo = append(todo, l.back[c]...)
			default:
				m.search(c, l.err, l.back)
			}
			seen[c] = true
		}
	})
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

// mapped is Map.
func (m *model) mapped(in *cell, f func(v any) (any, error)) *cell {
	c := &cell{}
	c.seek = m.seekInput(c, in)
	m.attach(in, &callback{run: func() {
		i := in.root()
		var v any
		err := i.err
		if err == nil {
			err = catch(func() (err error) { v, err = f(i.v); return err })
		}
		l := c.root().late
		m.settle(c, v, err)
		m.resume(l, c)
	}})
	return c
}

// seekInput is how the result of a callback is cancelled: by its input, or, once that has settled, when the callback has run.
func (m *model) seekInput(c, in *cell) func(s *searching) found {
	return func(s *searching) found {
		if !s.into(in) {
			s.wait(c.root())
		}
		return passed
	}
}

// bound is Bind, Then, Catch and the two halves of Finally.
func (m *model) bound(in *cell, ok func(v any) *cell, fail func(err error) *cell) *cell {
	c := &cell{}
	c.seek = m.seekInput(c, in)
	m.attach(in, &callback{run: func() {
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
			next = &cell{settled: true, err: err}
		}
		l := c.root().late
		m.become(c, next)
		m.resume(l, c)
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
		r.seek, r.late = func(s *searching) found { s.into(next); return passed }, nil
		m.attach(next, &callback{concludes: true, run: func() { m.settle(c, n.root().v, n.root().err) }})
	case r == n || r.settled:
		r.seek, r.late = nil, nil
	default:
		r.callbacks = append(r.callbacks, n.callbacks...)
		r.seek, r.late, r.over = n.seek, n.late, n.over
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
		for k := len(ins) - 1; k >= 0; k-- {
			s.into(ins[k])
		}
		return passed
	}
	c.over = func() {
		over = true
		for _, cb := range cbs {
			detach(cb)
		}
	}
	for _, in := range ins {
		if in.pending() {
			cb := &callback{concludes: true}
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
