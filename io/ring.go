// SPDX-License-Identifier: MIT

package io

// ring is a list whose links lie in its members, so that adding and removing cost no allocation and no search. Loop goroutine
// only.
type ring[T any] struct {
	head ringLink[T]
	n    int
}

// ringLink is a member's place in a ring; nowhere when zero.
type ringLink[T any] struct {
	next, prev *ringLink[T]
	of         T
}

// add puts member last.
func (r *ring[T]) add(k *ringLink[T], member T) {
	if r.head.next == nil {
		r.head.next, r.head.prev = &r.head, &r.head
	}
	last := r.head.prev
	k.of, k.next, k.prev = member, &r.head, last
	last.next, r.head.prev = k, k
	r.n++
}

// remove takes a member out, if it is there.
func (r *ring[T]) remove(k *ringLink[T]) {
	if k.next != nil {
		k.prev.next, k.next.prev = k.next, k.prev
		*k = ringLink[T]{}
		r.n--
	}
}

// first returns the first member's place, nil when there is none.
func (r *ring[T]) first() *ringLink[T] {
	if r.n == 0 {
		return nil
	}
	return r.head.next
}

// after returns the place after k, nil after the last.
func (r *ring[T]) after(k *ringLink[T]) *ringLink[T] {
	if k.next == &r.head {
		return nil
	}
	return k.next
}
