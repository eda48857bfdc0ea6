// SPDX-License-Identifier: MIT

package promise

// All returns a promise for the values of ps, in their order, once all have settled. When some reject, it is rejected with
// the error that came first; of those rejected before the call, the first of the list. All of nothing is an
// empty list. Cancel goes to all of ps. Lwt.all.
func All[T any](ps ...*Promise[T]) *Promise[[]T] {
	a := &all[T]{ins: make([]allInput[T], len(ps)), vals: make([]T, len(ps))}
	for i, p := range ps {
		if p == nil {
			panic("promise: All: a promise is nil")
		}
		a.ins[i] = allInput[T]{p: p, all: a, i: i}
		a.ins[i].node.cb = &a.ins[i]
	}
	a.q = homeOf(ps)
	var waits []*allInput[T]
	for i := range a.ins {
		in := &a.ins[i]
		if v, err, ok := in.p.peek(); ok {
			a.note(i, v, err, isCanceled(err))
		} else {
			waits = append(waits, in)
		}
	}
	a.left = len(waits)
	if a.left == 0 {
		return a.born()
	}
	a.from = a
	for _, in := range waits {
		if !attachFrom(a.q, in.p, &in.node) {
			in.run()
		}
	}
	return &a.Promise
}

// all is the result of All. left, vals and err are guarded by the mutex of its queue once inputs are attached.
type all[T any] struct {
	Promise[[]T]
	ins  []allInput[T]
	vals []T
	left int

	err      error // the first
	canceled bool  // err is a cancellation
}

type allInput[T any] struct {
	node node
	p    *Promise[T]
	all  *all[T]
	i    int
}

func (in *allInput[T]) run() {
	a := in.all
	in.p.ran(a.q, &in.node)
	v, err, _ := in.p.peek()
	q := a.q
	was := isCanceled(err)
	q.mu.Lock()
	a.note(in.i, v, err, was)
	if a.left--; a.left == 0 && !a.isSettled() && !q.closed.Load() {
		vals := a.vals
		if a.err != nil {
			vals = nil
		}
		a.root().fill(vals, a.err, a.canceled)
		a.ins, a.vals = nil, nil
	}
	wake := q.claimWake()
	q.mu.Unlock()
	if wake {
		q.exec.Wake()
	}
}

func (a *all[T]) note(i int, v T, err error, canceled bool) {
	a.vals[i] = v
	if err != nil && a.err == nil {
		a.err, a.canceled = err, canceled
	}
}

// born settles a before anybody has seen it.
func (a *all[T]) born() *Promise[[]T] {
	if a.err != nil {
		a.stillborn(a.err)
		return &a.Promise
	}
	a.val = a.vals
	a.state.Store(uint32(StateFulfilled))
	return &a.Promise
}

func (a *all[T]) seek(s *search) fate {
	f := leaf
	for i := len(a.ins) - 1; i >= 0; i-- {
		if s.into(a.ins[i].p) == passed {
			f = passed
		}
	}
	return f
}

// homeOf returns the loop of what is derived from ps: that of the first pending one, else the current one, else that of
// any, else nil.
func homeOf[T any](ps []*Promise[T]) *Queue {
	var any *Queue
	for _, p := range ps {
		if p.q != nil && p.State() == StatePending {
			return p.q
		}
		if any == nil {
			any = p.q
		}
	}
	if q, _ := locate(); q != nil {
		return q
	}
	return any
}
