// SPDX-License-Identifier: MIT

package promise

// callback is something that runs on a loop once: because its promise settled, or because it was posted.
type callback interface{ run() }

// conclusion is a callback without user code: that of a combinator, a shield or the like. It settles what was
// derived from the promise in the same locked section in which that settled, so that nothing can come between.
type conclusion interface {
	callback
	conclude() // with the queue locked
}

// node is a place in exactly one list: first the callbacks of a pending promise, then the run queue. It is embedded
// in the object that it runs, so that attaching allocates nothing. The mutex of the queue it is attached to guards it;
// a node taken off the run queue belongs to the loop's goroutine.
type node struct {
	next, prev *node
	cb         callback
	place      place
	onCancel   bool // runs before the others, and only for a cancellation
	concludes  bool // cb is a conclusion of the same loop: it is not queued, but called at once
}

type place uint8

const (
	nowhere  place = iota
	attached       // waits for a promise to settle
	queued         // is on the run queue, or was there last
)

// list is a circular doubly linked list of nodes: append, splice and remove take constant time.
type list struct{ first *node }

func (l *list) push(n *node) {
	if l.first == nil {
		n.next, n.prev = n, n
		l.first = n
		return
	}
	last := l.first.prev
	n.next, n.prev = l.first, last
	last.next, l.first.prev = n, n
}

func (l *list) remove(n *node) {
	if n.next == n {
		l.first = nil
	} else {
		n.prev.next, n.next.prev = n.next, n.prev
		if l.first == n {
			l.first = n.next
		}
	}
	n.next, n.prev = nil, nil
}

func (l *list) pop() *node {
	n := l.first
	if n != nil {
		l.remove(n)
	}
	return n
}

// splice appends all of m and leaves m empty.
func (l *list) splice(m *list) {
	if m.first == nil {
		return
	}
	if l.first == nil {
		l.first, m.first = m.first, nil
		return
	}
	last, mlast := l.first.prev, m.first.prev
	last.next, m.first.prev = m.first, last
	mlast.next, l.first.prev = l.first, mlast
	m.first = nil
}
