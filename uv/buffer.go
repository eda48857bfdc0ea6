// SPDX-License-Identifier: MIT

package uv

// #include <stdlib.h>
import "C"

import (
	"sync"
	"unsafe"
)

// Buffer is C memory that libuv may write from after the call that passed it. Its bytes are not cleared. It is safe from any
// goroutine, but for one at a time, and ends with Free.
type Buffer struct {
	l    *Loop
	p    unsafe.Pointer
	size int
}

// pool keeps the buffers of common sizes for reuse.
type pool struct {
	mu     sync.Mutex
	free   [len(sizes)][]unsafe.Pointer
	out    int64 // bytes that somebody holds
	kept   int64 // bytes in free
	closed bool
}

var sizes = [...]int{4 << 10, 16 << 10, 64 << 10}

// keepBytes bounds what each size class keeps.
const keepBytes = 1 << 20

// Buffer returns a buffer of at least size bytes. When there is no memory it is the zero Buffer, which has none: writing from it is
// EINVAL. Safe from any goroutine.
func (l *Loop) Buffer(size int) Buffer {
	class, size := classOf(size)
	b := l.pool.take(class, size)
	if b == nil {
		b = C.realloc(nil, C.size_t(size)) // cgo ends the process when its malloc fails
	}
	if b == nil {
		l.pool.put(-1, nil, size)
		return Buffer{}
	}
	return Buffer{l, b, size}
}

// take returns a kept buffer, nil when there is none; either way size bytes are out.
func (p *pool) take(class, size int) (b unsafe.Pointer) {
	p.mu.Lock()
	p.out += int64(size)
	if class >= 0 {
		if n := len(p.free[class]); n > 0 {
			b = p.free[class][n-1]
			p.free[class] = p.free[class][:n-1]
			p.kept -= int64(size)
		}
	}
	p.mu.Unlock()
	return b
}

// classOf returns the class of a size, rounded up; a large one has none.
func classOf(size int) (class, rounded int) {
	for i, s := range sizes {
		if size <= s {
			return i, s
		}
	}
	return -1, size
}

// Bytes returns the memory. It is invalid after Free.
func (b Buffer) Bytes() []byte { return unsafe.Slice((*byte)(b.p), b.size) }

// Free gives the buffer back to its loop; the zero Buffer has nothing to give. A second Free of the same buffer corrupts memory.
func (b Buffer) Free() {
	if b.l == nil {
		return
	}
	if class, _ := classOf(b.size); !b.l.pool.put(class, b.p, b.size) {
		C.free(b.p)
	}
}

// put keeps a buffer if there is room for it; either way size bytes are back.
func (p *pool) put(class int, b unsafe.Pointer, size int) (kept bool) {
	p.mu.Lock()
	p.out -= int64(size)
	if kept = class >= 0 && !p.closed && len(p.free[class])*size < keepBytes; kept {
		p.free[class] = append(p.free[class], b)
		p.kept += int64(size)
	}
	p.mu.Unlock()
	return kept
}

// bytes counts the memory that is held and kept.
func (p *pool) bytes() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out + p.kept
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for class, free := range p.free {
		for _, b := range free {
			C.free(b)
		}
		p.free[class] = nil
	}
	p.kept = 0
}
