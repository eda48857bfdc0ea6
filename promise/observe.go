// SPDX-License-Identifier: MIT

package promise

// OnSettle has f run with p's outcome, on p's loop and never inside this call; where p has no loop, as Bind says. A
// panic in f goes to the loop's handler. On a closed loop f does not run. Lwt.on_any.
func (p *Promise[T]) OnSettle(f func(v T, err error)) {
	p.must("OnSettle")
	if f == nil {
		panic("promise: OnSettle: the function is nil")
	}
	o := &observer[T]{in: p, f: f}
	o.node.cb = o
	q := home(p)
	if q == nil {
		o.q = nil
		o.run()
		return
	}
	o.q = q
	attachTo(q, p, &o.node)
}

// observer is a side effect of a promise; it makes no promise of its own.
type observer[T any] struct {
	node node
	q    *Queue // nil: the promise and the caller are on no loop
	in   *Promise[T]
	f    func(v T, err error)
}

func (o *observer[T]) run() {
	v, err, _ := o.in.peek()
	if perr := protect(func() { o.f(v, err) }, o.goexit); perr != nil {
		reportOn(o.q, perr)
	}
}

func (o *observer[T]) describe() string { return funcName(o.f) }

func (o *observer[T]) goexit() { reportOn(o.q, ErrGoexit) }

// reportOn hands err to q's handler; without a loop it is logged.
func reportOn(q *Queue, err error) {
	if q != nil {
		q.Report(err)
		return
	}
	reportNoLoop(err)
}

// OnCancel has f run when p is cancelled, before the callbacks that Bind, OnSettle and their like attached, whatever the
// order; and never for another outcome. It does not count as interest in p. Lwt.on_cancel.
func (p *Promise[T]) OnCancel(f func()) {
	p.must("OnCancel")
	if f == nil {
		panic("promise: OnCancel: the function is nil")
	}
	o := &cancelObserver[T]{in: p, f: f}
	o.node.cb = o
	o.q = home(p)
	switch {
	case p.q == nil && o.q == nil:
		o.run()
	case p.q == nil:
		o.q.enqueue(&o.node)
	default:
		p.attachOnCancel(&o.node)
	}
}

// cancelObserver is the callback of OnCancel. It is not told the outcome, and so does not count as a look at it.
type cancelObserver[T any] struct {
	node node
	q    *Queue // nil: the promise and the caller are on no loop
	in   *Promise[T]
	f    func()
}

func (o *cancelObserver[T]) run() {
	if !o.in.wasCanceled() {
		return
	}
	if err := protect(o.f, o.goexit); err != nil {
		reportOn(o.q, err)
	}
}

func (o *cancelObserver[T]) describe() string { return funcName(o.f) }

func (o *cancelObserver[T]) goexit() { reportOn(o.q, ErrGoexit) }

// wasCanceled reports whether p was cancelled, without looking at its outcome.
func (p *Promise[T]) wasCanceled() bool {
	r := p.root()
	return r.isSettled() && r.err != nil && isCanceled(r.err)
}

// attachOnCancel is attach for a callback of OnCancel.
func (p *Promise[T]) attachOnCancel(n *node) {
	q := p.q
	q.lock()
	if q.closed.Load() {
		q.unlock()
		return
	}
	if r := p.root(); r.isSettled() {
		q.push(n)
	} else {
		n.onCancel = true
		r.state.Store(r.state.Load() | hasOnCancel)
		p.attachLocked(n)
	}
	q.unlock()
}
