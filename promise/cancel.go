// SPDX-License-Identifier: MIT

package promise

// Canceler is what an operation behind a Leaf implements: CancelOp asks it to stop. It is called on the loop, at most
// once, after the promise was rejected and before any callback hears of that; the operation's own Settle will
// return false.
type Canceler interface{ CancelOp(cause error) }

// Explainer is a Canceler that says what it was that did not end: Explain returns cause with the
// operation and its object around it, as *net.OpError does. Its promise is rejected with that when
// it is cancelled; an Await or a WithTimeout that gives the promise up returns it, with the reason
// as the cause. It is called with a mutex held, on any goroutine, perhaps more than once: it must
// not block, nor use promises.
type Explainer interface {
	Canceler
	Explain(cause error) error
}

// explainer is a source that asks an Explainer.
type explainer interface{ describe(cause error) error }

// explain returns the cause that p is given up for with what p's operation has to say. q's mutex is
// held.
func (p *Promise[T]) explain(cause error) error { return explained(p.explainer(), cause) }

// explainer returns p's source, if it asks an Explainer. q's mutex is held.
func (p *Promise[T]) explainer() explainer {
	e, _ := p.root().from.(explainer)
	return e
}

func explained(by explainer, cause error) error {
	if by == nil || isEndOfLoop(cause) {
		return cause
	}
	return by.describe(cause)
}

// isEndOfLoop reports whether the end of a loop is the cause, which no operation has to explain. It calls no code of the
// error's own.
func isEndOfLoop(cause error) bool {
	if c, ok := cause.(*canceledError); ok {
		cause = c.cause
	}
	return cause == ErrLoopClosed
}

// source tells where the cancellation of a pending promise goes. seek is called with the mutex of the promise's queue
// held; it may add to the search, and must not block.
type source interface{ seek(s *search) fate }

// releaser is a source that holds something for as long as its promise is pending. release is called once, with the
// mutex held, when the promise settles.
type releaser interface{ release() }

// fate is what a search does with the promise it asked.
type fate uint8

const (
	leaf   fate = iota // reject it now
	passed             // the search went on, or ends here without effect
)

// cell is any promise, seen by a search.
type cell interface {
	visit(s *search)
	queue() *Queue
	pending() bool
	key() any
	identity() any // of what the promise is merged into; with its queue locked
}

// search is one cancellation's way backwards through the promises of one loop, to the leaves. All of them are marked while
// the mutex is held, before any callback runs. A queue has one, used again and again.
type search struct {
	q      *Queue
	err    error // why leaves are rejected
	epoch  uint32
	work   []cell
	remote []cell // inputs that live on other loops
	from   cell   // the promise whose source is asked
	edges  []edge
	late   []*lateCancel // that have to wait for callbacks
	onward map[any][]cell
}

// Cancel asks p to stop: it looks for the promises that p waits for, backwards to those that New or an operation made,
// and rejects these with ErrCanceled; that then spreads forward, and reaches p unless something on the way
// catches it. It has no effect on a promise that is settled, or that is not cancelable. Lwt.cancel.
//
// Cancelling the promise of a running task ends the task's ctx; the promise settles when the task returns.
func (p *Promise[T]) Cancel() { p.CancelCause(nil) }

// CancelCause is Cancel with a reason: the promises it rejects get an error that is both ErrCanceled and cause.
func (p *Promise[T]) CancelCause(cause error) {
	p.must("Cancel")
	if p.q == nil {
		return
	}
	cancel(p, cause)
}

func cancel(c cell, cause error) {
	err := canceled(cause)
	cancelAll(c.queue().cancel(c, err), err)
}

// cancelAll searches on from cells of several loops, each loop in turn; seen keeps it from going round between them.
func cancelAll(todo []cell, err error) {
	if len(todo) == 0 {
		return
	}
	seen := map[any]bool{}
	for len(todo) > 0 {
		c := todo[0]
		todo = todo[1:]
		if k := c.key(); !seen[k] {
			seen[k] = true
			todo = append(todo, c.queue().cancel(c, err)...)
		}
	}
}

// cancel rejects the leaves below c that live on this loop, and returns the inputs on other loops.
func (q *Queue) cancel(c cell, err error) (remote []cell) {
	q.lock()
	if q.closed.Load() {
		q.unlock()
		return nil
	}
	remote = q.searchFrom(c, err)
	q.unlock()
	return remote
}

// cancelLocked is cancel for a caller that has locked q: the inputs on other loops have to wait until that is over.
func (q *Queue) cancelLocked(c cell, err error) {
	if c.queue() != q {
		q.afterwards(ending{remote: []cell{c}, err: err})
	} else if remote := q.searchFrom(c, err); remote != nil {
		q.afterwards(ending{remote: remote, err: err})
	}
}

// ender is a context of this package, which a search ends after it has released the mutex.
type ender interface{ end(cause error) }

// searchFrom rejects the leaves below c that live on this loop, and returns the inputs on other loops. q is locked.
func (q *Queue) searchFrom(c cell, err error) (remote []cell) {
	s := &q.search
	s.q, s.err = q, err
	s.epoch++
	s.work = append(s.work, c)
	for len(s.work) > 0 {
		last := len(s.work) - 1
		c := s.work[last]
		s.work[last] = nil
		s.work = s.work[:last]
		c.visit(s)
	}
	if cap(s.work) > maxIdleWork {
		s.work = nil
	}
	s.noteOnward()
	remote = s.remote
	s.remote, s.err, s.from = nil, nil, nil
	return remote
}

// maxIdleWork bounds what a search keeps for the next one.
const maxIdleWork = 1024

// into sends the search on to an input. It returns false for a settled one, which has no more to cancel: its outcome is
// on its way to the promise that asks, and must arrive there.
func (s *search) into(c cell) (pending bool) {
	if !c.pending() {
		return false
	}
	if c.queue() == s.q {
		s.edges = append(s.edges, edge{c.identity(), s.from})
	}
	s.push(c)
	return true
}

// end has c ended once the search is over and the mutex released.
func (s *search) end(c ender) { s.q.afterwards(ending{ctx: c, err: s.err}) }

func (s *search) push(c cell) {
	if c.queue() != s.q {
		s.remote = append(s.remote, c)
		return
	}
	s.work = append(s.work, c)
}

func (p *Promise[T]) visit(s *search) {
	if p.isView() {
		return
	}
	r := p.root()
	if r.mark == s.epoch || r.from == nil || r.isSettled() {
		return
	}
	r.mark = s.epoch
	s.from = r
	if r.from.seek(s) == leaf {
		var zero T
		r.fill(zero, r.explain(s.err), byCancel)
	}
}

func (p *Promise[T]) queue() *Queue { return p.q }
func (p *Promise[T]) pending() bool { return p.State() == StatePending }
func (p *Promise[T]) key() any      { return p }
func (p *Promise[T]) identity() any { return p.root() }

// stopOp is the note to an operation that it was cancelled, queued ahead of the callbacks that will hear of it.
type stopOp struct {
	node  node
	op    Canceler
	cause error
}

func (o *stopOp) run() { o.op.CancelOp(o.cause) }

func (s *search) stop(op Canceler) {
	o := &stopOp{op: op, cause: s.err}
	o.node.cb = o
	s.q.push(&o.node)
}
