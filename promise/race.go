// SPDX-License-Identifier: MIT

package promise

// Choose returns a promise that settles as the first of ps does; the others go on, and stay usable. Of several that
// have settled before the call, a rejected one wins over the fulfilled ones, and else the loop's seeded generator picks. Once the
// result has settled it holds on to none of ps. Cancel goes to all of them. Choose of nothing panics. Lwt.choose.
func Choose[T any](ps ...*Promise[T]) *Promise[T] { return newRace("Choose", ps, false) }

// Pick is Choose, but it cancels the others: before its own result settles, so that their callbacks run before
// the result's. Lwt.pick.
func Pick[T any](ps ...*Promise[T]) *Promise[T] { return newRace("Pick", ps, true) }

// race is the result of Choose or Pick.
type race[T any] struct {
	Promise[T]
	ins    []raceInput[T]
	cancel bool
	won    bool // an input came first; under q.mu
}

type raceInput[T any] struct {
	node node
	p    *Promise[T]
	race *race[T]
}

func newRace[T any](name string, ps []*Promise[T], cancel bool) *Promise[T] {
	if len(ps) == 0 {
		panic("promise: " + name + " of no promises would never settle: pass at least one")
	}
	for _, p := range ps {
		if p == nil {
			panic("promise: " + name + ": a promise is nil")
		}
	}
	q := homeOf(ps)
	if w := settledWinner(q, ps); w != nil {
		if cancel {
			cancelOthers(ps, w)
		}
		return w.snapshot(q)
	}
	r := &race[T]{ins: make([]raceInput[T], len(ps)), cancel: cancel}
	r.q, r.from = q, r
	r.state.Store(hasRelease)
	for i, p := range ps {
		in := &r.ins[i]
		in.p, in.race, in.node.cb = p, r, in
	}
	r.attachAll(r.ins)
	return &r.Promise
}

// attachAll attaches the inputs. The race may be over before all are: those attached too late are detached again.
func (r *race[T]) attachAll(ins []raceInput[T]) {
	for i := range ins {
		if in := &ins[i]; !attachFrom(r.q, in.p, &in.node) {
			in.run()
		}
	}
	r.q.mu.Lock()
	if r.isSettled() {
		r.letGo(ins)
	}
	r.q.mu.Unlock()
}

// settledWinner returns the input that wins because it has settled already, nil when none has.
func settledWinner[T any](q *Queue, ps []*Promise[T]) *Promise[T] {
	var settled []*Promise[T]
	for _, p := range ps {
		switch p.State() {
		case StateRejected:
			return p
		case StateFulfilled:
			settled = append(settled, p)
		}
	}
	switch {
	case len(settled) == 0:
		return nil
	case len(settled) == 1 || q == nil:
		return settled[0]
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	return settled[q.random.IntN(len(settled))]
}

// snapshot returns a promise on q with p's outcome, which is there.
func (p *Promise[T]) snapshot(q *Queue) *Promise[T] {
	v, err, _ := p.peek()
	s := From(v, err)
	s.q = q
	return s
}

func cancelOthers[T any](ps []*Promise[T], winner *Promise[T]) {
	for _, p := range ps {
		if p != winner {
			p.Cancel()
		}
	}
}

// run is called when an input has settled. The first one wins.
func (in *raceInput[T]) run() {
	r := in.race
	in.p.ran(r.q, &in.node)
	r.q.mu.Lock()
	late := r.won || r.isSettled()
	r.won = true
	ins := r.ins
	r.q.mu.Unlock()
	if late {
		return
	}
	if r.cancel {
		for i := range ins {
			if p := ins[i].p; p != in.p {
				p.Cancel()
			}
		}
	}
	v, err, _ := in.p.peek()
	r.settle(v, err)
}

func (r *race[T]) seek(s *search) fate {
	f := leaf
	if r.won {
		return passed
	}
	for i := len(r.ins) - 1; i >= 0; i-- {
		if s.into(r.ins[i].p) == passed {
			f = passed
		}
	}
	return f
}

// release lets go of the losers: their outcomes concern nobody here any more.
func (r *race[T]) release() {
	r.letGo(r.ins)
	r.ins = nil
}

func (r *race[T]) letGo(ins []raceInput[T]) {
	for i := range ins {
		in := &ins[i]
		in.p.ignore(r.q)
		r.q.detachInput(in.p, &in.node)
	}
}

// ignore marks p's later rejection as seen. q.mu is held, and has to be p's.
func (p *Promise[T]) ignore(q *Queue) {
	if p.q != q {
		return
	}
	if r := p.root(); !r.isSettled() {
		r.state.Store(r.state.Load() | wasObserved)
	}
}
