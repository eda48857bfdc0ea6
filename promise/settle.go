// SPDX-License-Identifier: MIT

package promise

// root returns the cell that p stands for: itself, or what Bind merged it into. Merging happens under the
// queue's mutex; without it the answer may be one merge behind, which reads as pending.
func (p *Promise[T]) root() *Promise[T] {
	for {
		f := p.fwd.Load()
		if f == nil {
			return p
		}
		if g := f.fwd.Load(); g != nil {
			p.fwd.Store(g) // halve the path, so that loops of binds stay flat
			f = g
		}
		p = f
	}
}

// peek returns the outcome without a lock, and marks a rejection as seen.
func (p *Promise[T]) peek() (v T, err error, ok bool) { //nolint:revive
	r := p.root()
	s := r.state.Load()
	if s&stateMask == uint32(StatePending) {
		if !r.q.closed.Load() {
			return v, nil, false
		}
		// No settle succeeds any more, but one may have come between the two loads.
		if s = r.state.Load(); s&stateMask == uint32(StatePending) {
			return v, ErrLoopClosed, true
		}
	}
	if s&stateMask == uint32(StateFulfilled) {
		return r.val, nil, true
	}
	r.see(s)
	return v, r.err, true
}

// see marks the rejection of r, whose state is s, as looked at.
func (r *Promise[T]) see(s uint32) {
	if s&wasObserved != 0 {
		return
	}
	r.state.Or(wasObserved)
	if s&hasNote != 0 {
		r.from.(*unseen).seen.Store(true)
	}
}

// isSettled reports whether p has an outcome. With q locked the answer is final.
func (p *Promise[T]) isSettled() bool {
	return p.root().state.Load()&stateMask != uint32(StatePending)
}

// settle gives a pending promise its outcome and queues its callbacks. Of any number of calls, from any goroutines,
// exactly one returns true.
func (p *Promise[T]) settle(v T, err error) bool { return p.settleIn(v, err, mannerOf(err)) }

// settleIn is settle for an error whose manner is known.
func (p *Promise[T]) settleIn(v T, err error, m manner) bool {
	q := p.q
	if q == nil {
		return false
	}
	q.lock()
	r := p.root()
	if r.state.Load()&stateMask != uint32(StatePending) || q.closed.Load() {
		q.unlock()
		return false
	}
	r.fill(v, err, m)
	q.unlock()
	return true
}

// settleInStep is settle for a promise whose own callback is running, on the loop. It also takes over what became runnable, so
// that Run need not lock again to find it.
func (p *Promise[T]) settleInStep(v T, err error) {
	q := p.q
	m := mannerOf(err)
	var late *lateCancel
	q.lock()
	if r := p.root(); r.state.Load()&stateMask == uint32(StatePending) && !q.closed.Load() {
		late = lateOf(r)
		r.fill(v, err, m)
	}
	q.batch.splice(&q.ready)
	q.unlock()
	late.resume(p)
}

// fill writes the outcome of r, a pending root, and moves its callbacks to the run queue. q is locked; m is mannerOf(err).
func (r *Promise[T]) fill(v T, err error, m manner) {
	s := r.state.Load()
	flags := s &^ stateMask
	from := r.from
	r.q.settled++
	noted := err != nil && m.reported() && s&wasObserved == 0 && !r.list.interest()
	if s&hasRelease != 0 {
		from.(releaser).release()
	}
	r.from = nil
	if r.q.sites != nil {
		defer delete(r.q.sites, r)
	}
	if err == nil {
		r.val = v
		r.state.Store(flags | uint32(StateFulfilled))
		r.enqueue(s, false)
		return
	}
	r.err = err
	flags |= uint32(m) << mannerShift
	if noted {
		u := r.note(err, from)
		r.from = u
		flags |= hasNote
		if s&wantsReport != 0 {
			r.q.suspects = append(r.q.suspects, u)
		} else {
			r.watch(u)
		}
	}
	r.state.Store(flags | uint32(StateRejected))
	r.enqueue(s, m.canceled())
}

// settleAs gives p the outcome of in, a settled promise of the same loop, unless it has one already. The queue is
// locked.
func (p *Promise[T]) settleAs(in *Promise[T]) {
	if r := p.root(); !r.isSettled() && !r.q.closed.Load() {
		v, err, _ := in.peek()
		r.fill(v, err, in.manner())
	}
}

// enqueue moves r's callbacks to the run queue: in the order attached, but those of OnCancel first, and only when the
// promise was cancelled. Conclusions are called before the queue is unlocked.
func (r *Promise[T]) enqueue(flags uint32, wasCanceled bool) {
	if r.list.first == nil {
		return
	}
	if flags&(hasOnCancel|hasConclusion) != 0 {
		var rest list
		for n := r.list.pop(); n != nil; n = r.list.pop() {
			switch {
			case n.concludes:
				r.q.conclude(n)
			case !n.onCancel:
				rest.push(n)
			case wasCanceled:
				r.q.push(n)
			}
		}
		r.list = rest
		if rest.first == nil {
			return
		}
	}
	for n := r.list.first; n != nil; {
		n.place = queued
		if n = n.next; n == r.list.first {
			break
		}
	}
	r.q.ready.splice(&r.list)
}

// attach has n run after p settles, on p's loop: at once, in a later step, if it is settled already. It returns false,
// and does nothing, when that loop is closed. p must have a loop.
func (p *Promise[T]) attach(n *node) bool {
	q := p.q
	q.lock()
	if q.closed.Load() {
		q.unlock()
		return false
	}
	p.attachLocked(n)
	q.unlock()
	return true
}

// attachLocked is attach with q locked, on an open loop.
func (p *Promise[T]) attachLocked(n *node) {
	r := p.root()
	if r.state.Load()&stateMask == uint32(StatePending) {
		n.place = attached
		r.list.push(n)
		if n.concludes {
			r.state.Store(r.state.Load() | hasConclusion)
		}
		return
	}
	r.see(r.state.Load())
	if n.concludes {
		r.q.conclude(n)
		return
	}
	r.q.push(n)
}

// detachLocked takes n off p's callbacks if it is still there. With ignore, a later rejection of p counts as looked at.
// q is locked.
func (p *Promise[T]) detachLocked(n *node, ignore bool) {
	r := p.root()
	if n.place == attached {
		r.list.remove(n)
		n.place = nowhere
	}
	if ignore && !r.isSettled() {
		r.state.Store(r.state.Load() | wasObserved)
	}
}

// adopt makes p's outcome inner's, in the step of p's callback. Within a loop the two become one cell, so that a chain
// of binds of any length is as flat as its last link; across loops the inner promise's loop settles p. A cancellation of
// p that has waited for inner goes on to it.
func (p *Promise[T]) adopt(inner *Promise[T]) {
	if inner == nil {
		var zero T
		p.settleInStep(zero, errNilPromise)
		return
	}
	if v, err, ok := inner.peek(); ok {
		p.settleInStep(v, err)
		return
	}
	if inner.q != p.q || inner.isView() {
		p.adoptByNode(inner)
		return
	}
	q := p.q
	q.lock()
	r, i := p.root(), inner.root()
	late := lateOf(r)
	switch {
	case r == i || r.isSettled() || q.closed.Load():
		r.from = nil // a promise that waits for itself stays pending
	case i.isSettled():
		// It settled just now, on another goroutine.
		q.unlock()
		v, err, _ := inner.peek()
		p.settleInStep(v, err)
		return
	default:
		r.merge(i)
	}
	q.unlock()
	late.resume(p)
}

// merge makes i, a pending root, stand for r, another one of the same loop. q is locked.
func (r *Promise[T]) merge(i *Promise[T]) {
	r.list.splice(&i.list)
	r.from, i.from = i.from, nil
	s := r.state.Load() &^ hasRelease
	r.state.Store(s | i.state.Load()&(hasOnCancel|hasConclusion|hasRelease))
	i.fwd.Store(r)
	r.q.settled++
	if r.q.sites != nil {
		delete(r.q.sites, i)
	}
}
