// SPDX-License-Identifier: MIT

package promise

// A callback whose input has settled runs, whatever is cancelled meanwhile: so no value is lost. A cancellation that
// comes before it has returned waits, and then goes on as if the callback had run already: to the promise that it has
// returned, or, when its result has settled, to the callbacks that wait for that.

// lateCancel is the source of a result whose callback waits for its turn, or runs, and that was cancelled.
type lateCancel struct {
	err error
	// onward has, for each promise that the search came through, those that it came from.
	onward map[any][]cell
}

// seek notes that another search came by. The first one's error counts.
func (l *lateCancel) seek(s *search) fate {
	s.late = append(s.late, l)
	return passed
}

// wait returns the source that has a cancellation wait until a callback has run.
func (s *search) wait() *lateCancel {
	l := &lateCancel{err: s.err}
	s.late = append(s.late, l)
	return l
}

// edge is a step of a search, from a promise to an input of it.
type edge struct {
	input any // its identity
	from  cell
}

// noteOnward tells the cancellations that have to wait where to go on. A search that continues such a one has its
// onward already.
func (s *search) noteOnward() {
	if len(s.late) > 0 {
		if s.onward == nil {
			s.onward = map[any][]cell{}
		}
		for _, e := range s.edges {
			s.onward[e.input] = append(s.onward[e.input], e.from)
		}
		for _, l := range s.late {
			l.join(s.onward)
		}
	}
	clear(s.edges)
	clear(s.late)
	s.edges, s.late, s.onward = s.edges[:0], s.late[:0], nil
	if cap(s.edges) > maxIdleWork {
		s.edges = nil
	}
}

func (l *lateCancel) join(onward map[any][]cell) {
	if l.onward == nil {
		l.onward = onward
		return
	}
	for input, from := range onward {
		l.onward[input] = append(l.onward[input], from...)
	}
}

// lateOf returns the cancellation that waits for r's callback, nil when there is none. The queue is locked.
func lateOf[T any](r *Promise[T]) *lateCancel {
	l, _ := r.from.(*lateCancel)
	return l
}

// resume goes on with the cancellation now that the callback of c has run. l may be nil.
func (l *lateCancel) resume(c cell) {
	if l == nil {
		return
	}
	q := c.queue()
	q.lock()
	seen := map[any]bool{}
	for todo := []cell{c}; len(todo) > 0 && !q.closed.Load(); {
		c, todo = todo[0], todo[1:]
		id := c.identity()
		switch {
		case seen[id]:
		case c.pending():
			q.search.onward = l.onward
			q.cancelLocked(c, l.err)
		default:
			todo = append(todo, l.onward[id]...)
		}
		seen[id] = true
	}
	q.unlock()
}
