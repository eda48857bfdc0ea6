// SPDX-License-Identifier: MIT

package promise

// Map returns a promise for f's result: when p fulfils, f runs with its value; when p rejects, f never runs and the
// result is rejected with the same error. A panic in f rejects the result with a *PanicError. Where and when f runs, and
// where Cancel goes, is as Bind says. Lwt.map.
func Map[A, B any](p *Promise[A], f func(A) (B, error)) *Promise[B] {
	if p == nil || f == nil {
		panic("promise: Map: the promise or the function is nil")
	}
	q := home(p)
	if q == nil {
		return inline(p, func(v A) *Promise[B] { return From(f(v)) }, nil)
	}
	m := &mapped[A, B]{in: p, f: f}
	m.node.cb = m
	m.q = q
	m.from = m
	m.made()
	if !attachTo(q, p, &m.node) {
		m.stillborn(ErrLoopClosed)
	}
	return &m.Promise
}

// mapped is the result of Map. Once the input has settled it has f's result, whatever is cancelled.
type mapped[A, B any] struct {
	Promise[B]
	node node
	in   *Promise[A]
	f    func(A) (B, error)
}

func (m *mapped[A, B]) run() {
	v, err, _ := m.in.peek()
	var w B
	if err == nil {
		w, err = m.call(v)
	}
	m.settleInStep(w, err)
	m.in, m.f = nil, nil // no search comes by any more: what they hold may be collected
}

func (m *mapped[A, B]) call(v A) (w B, err error) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if r := recover(); r != nil {
			err = newPanicError(r)
		} else {
			m.settle(w, ErrGoexit)
		}
	}()
	w, err = m.f(v)
	returned = true
	return w, err
}

func (m *mapped[A, B]) seek(s *search) fate {
	if !s.into(m.in) {
		m.root().from = s.wait()
	}
	return passed
}

func (m *mapped[A, B]) function() any    { return m.f }
func (m *mapped[A, B]) describe() string { return "of Map" }
