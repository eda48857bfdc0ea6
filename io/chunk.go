// SPDX-License-Identifier: MIT

package io

import "github.com/weft-go/weft/uv"

// chunk is a piece of C memory with n bytes to write.
type chunk struct {
	buf uv.Buffer
	n   int
}

// fill appends what of b there is room for and returns how much that is.
func (c *chunk) fill(b []byte) int {
	n := copy(c.buf.Bytes()[c.n:], b)
	c.n += n
	return n
}

// chunks is a queue: libuv has the first of them, in flight, and gets the others at the end of the turn.
type chunks struct {
	all    []chunk
	gone   int // of all, popped
	handed int // of all, popped or in flight
}

// smallChunks is what an empty queue keeps room for, so that a conversation of short messages allocates nothing.
const smallChunks = 4

// open returns the last chunk if there is room in it, nil otherwise.
func (q *chunks) open() *chunk {
	last := len(q.all) - 1
	if last < q.handed || q.all[last].n == len(q.all[last].buf.Bytes()) {
		return nil
	}
	return &q.all[last]
}

func (q *chunks) push(b uv.Buffer) *chunk {
	if len(q.all) == cap(q.all) && q.gone >= len(q.all)/2+1 { // a queue that never gets empty must not grow for ever
		q.all = q.all[:copy(q.all, q.all[q.gone:])]
		q.gone, q.handed = 0, q.handed-q.gone
	}
	q.all = append(q.all, chunk{buf: b})
	return &q.all[len(q.all)-1]
}

// next returns the first chunk that libuv does not have, nil when it has them all.
func (q *chunks) next() *chunk {
	if q.handed == len(q.all) {
		return nil
	}
	return &q.all[q.handed]
}

// pop takes the first chunk, which libuv is done with.
func (q *chunks) pop() chunk {
	c := q.all[q.gone]
	q.all[q.gone] = chunk{}
	q.gone++
	q.rewind()
	return c
}

// drop frees the chunks that libuv does not have and returns how many bytes they held.
func (q *chunks) drop() (bytes int) {
	for _, c := range q.all[q.handed:] {
		bytes += c.n
		c.buf.Free()
	}
	clear(q.all[q.handed:])
	q.all = q.all[:q.handed]
	q.rewind()
	return bytes
}

// rewind begins anew when the queue is empty.
func (q *chunks) rewind() {
	if q.gone < len(q.all) {
		return
	}
	if q.gone, q.handed = 0, 0; cap(q.all) > smallChunks {
		q.all = nil
	}
	q.all = q.all[:0]
}
