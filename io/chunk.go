// SPDX-License-Identifier: MIT

package io

import "sync"

// chunk is memory that writes gather in until the end of the turn.
type chunk struct {
	n   int
	buf [chunkSize]byte
}

const chunkSize = 4<<10 - 8 // with n, a size class of the allocator's

var chunkPool = sync.Pool{New: func() any { return new(chunk) }}

// chunks are bytes to be handed over, in order.
type chunks []*chunk

// fill appends b.
func (q *chunks) fill(b []byte) {
	for len(b) > 0 {
		last := len(*q) - 1
		if last < 0 || (*q)[last].n == chunkSize {
			c := chunkPool.Get().(*chunk)
			c.n = 0
			*q = append(*q, c)
			last++
		}
		c := (*q)[last]
		n := copy(c.buf[c.n:], b)
		c.n += n
		b = b[n:]
	}
}

// smallChunks is what an empty list keeps room for, so that a conversation of short messages allocates nothing.
const smallChunks = 1

// drop forgets the chunks and returns how many bytes they held.
func (q *chunks) drop() (bytes int) {
	for i, c := range *q {
		bytes += c.n
		chunkPool.Put(c)
		(*q)[i] = nil
	}
	if *q = (*q)[:0]; cap(*q) > smallChunks {
		*q = nil
	}
	return bytes
}
