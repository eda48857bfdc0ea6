// SPDX-License-Identifier: MIT

//go:build cgo

package uv

import (
	"maps"
	"slices"
	"sync"
	"unsafe"
)

// openLoops are the loops that were made and not closed.
var openLoops registry

type registry struct {
	mu    sync.Mutex
	loops map[*Loop]bool
}

func (r *registry) add(l *Loop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loops == nil {
		r.loops = map[*Loop]bool{}
	}
	r.loops[l] = true
}

func (r *registry) remove(l *Loop) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.loops, l)
}

// OpenLoops returns the loops that were made and not closed, in no order: what a test may not leave behind. Their Stats and
// Made may be asked from here. Safe from any goroutine.
func OpenLoops() []*Loop {
	openLoops.mu.Lock()
	defer openLoops.mu.Unlock()
	return slices.Collect(maps.Keys(openLoops.loops))
}

// ownLoop reports whether a uv_loop_t is that of a loop which NewLoop has made. Safe from any goroutine.
func ownLoop(loop unsafe.Pointer) bool {
	return slices.ContainsFunc(OpenLoops(), func(l *Loop) bool { return l.isOwn(loop) })
}

// Made returns the Go stack that made the loop, a line for each call, empty unless in debug mode. Safe from any goroutine.
func (l *Loop) Made() string { return l.origin.String() }
