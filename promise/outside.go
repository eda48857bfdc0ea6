// SPDX-License-Identifier: MIT

package promise

// Nodes that wait on one loop on behalf of somebody outside it (a goroutine, another loop) are listed by the queue, so
// that its end reaches them.

// attachOutside is attach for such a node. It returns false when the loop is closed.
func (p *Promise[T]) attachOutside(n *node) bool {
	q := p.q
	q.lock()
	if q.closed.Load() {
		q.unlock()
		return false
	}
	q.links[n] = struct{}{}
	p.attachLocked(n)
	q.unlock()
	return true
}

// attachFrom attaches a node of an object that lives on q to p, wherever that lives; a nil q is that of an ordinary goroutine.
// A p without a loop is settled, and its node goes straight to q. It returns false when p's loop is closed.
func (p *Promise[T]) attachFrom(q *Queue, n *node) bool {
	if p.q == q {
		return p.attach(n)
	}
	n.concludes = false // it locks q by itself
	if p.q == nil {
		return q.enqueue(n)
	}
	return p.attachOutside(n)
}

// ran takes a node that has run, of an object that lives on owner, off p's list of outsiders.
func (p *Promise[T]) ran(owner *Queue, n *node) {
	if q := p.q; q != nil && q != owner {
		q.lock()
		delete(q.links, n)
		q.unlock()
	}
}

// input is a promise, seen by what was derived from it.
type input interface {
	cell
	detachLocked(n *node, ignore bool)
	detach(n *node, ignore bool)
}

// detach takes n off p's callbacks. With ignore, a later rejection of p counts as looked at.
func (p *Promise[T]) detach(n *node, ignore bool) {
	q := p.q
	q.lock()
	p.detachLocked(n, ignore)
	delete(q.links, n)
	q.unlock()
}

// detachInput takes n off in's callbacks. q is locked: an input on another loop is left to a later step of this one.
func (q *Queue) detachInput(in input, n *node, ignore bool) {
	switch in.queue() {
	case nil:
	case q:
		in.detachLocked(n, ignore)
	default:
		d := &detachment{in: in, n: n, ignore: ignore}
		d.node.cb = d
		q.push(&d.node)
	}
}

type detachment struct {
	node   node
	in     input
	n      *node
	ignore bool
}

func (d *detachment) run()       { d.in.detach(d.n, d.ignore) }
func (d *detachment) housekeep() {}

// adoptByNode makes p's outcome that of inner where the two cannot become one cell: inner lives on another loop, or is not
// cancelable by its name.
func (p *Promise[T]) adoptByNode(inner *Promise[T]) {
	b := &bridge[T]{dst: p, src: inner}
	b.node.cb, b.node.concludes = b, true
	var late *lateCancel
	p.q.lock()
	if r := p.root(); !r.isSettled() {
		late = lateOf(r)
		r.from = b
	}
	p.q.unlock()
	if !inner.attachFrom(p.q, &b.node) {
		b.run()
	}
	late.resume(p)
}

// bridge carries an outcome from one cell to another.
type bridge[T any] struct {
	node     node
	dst, src *Promise[T]
}

func (b *bridge[T]) run() {
	b.src.ran(b.dst.q, &b.node)
	v, err, _ := b.src.peek()
	b.dst.settle(v, err)
}

func (b *bridge[T]) conclude() { b.dst.settleAs(b.src) }

func (b *bridge[T]) seek(s *search) fate {
	s.into(b.src)
	return passed
}
