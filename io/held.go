// SPDX-License-Identifier: MIT

package io

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"time"
)

// HeldError says that user code has kept a loop's thread from its other work for too long: it computes, blocks, or waits for what only
// the loop could bring. Such code belongs in promise.Offload.
type HeldError struct {
	For    time.Duration // so far
	Holder string        // the task or callback: "task main.handle"; empty when it is none of this package's
	Made   string        // where that was spawned or attached, in debug mode (promise.SetDebug); of a task, also with TrackResources
	Stack  string        // of the code that holds it; empty while there are 10,000 goroutines or more
}

// Error says how long, who, and where.
func (e *HeldError) Error() string {
	text := fmt.Sprintf("weftio: the loop has been held for %v", e.For.Round(time.Millisecond))
	if e.Holder != "" {
		text += " by " + e.Holder
	}
	if e.Made != "" {
		made, _, _ := strings.Cut(e.Made, "\n")
		text += ", made at " + made
	}
	return text + ": use promise.Offload for what takes long"
}

// held describes what holds the loop. Safe from any goroutine.
func (l *Loop) held(d time.Duration) *HeldError {
	e := &HeldError{For: d}
	e.Holder, e.Made = l.q.Holder()
	if runtime.NumGoroutine() < manyGoroutines {
		e.Stack = stackBelow(l.goroutine, allStacks())
	}
	return e
}

// manyGoroutines is where reading all stacks, which is the only way to read another goroutine's, would stop the program for too long.
const manyGoroutines = 10_000

// allStacks returns the stacks of all goroutines, as far as they fit in 64 MB.
func allStacks() []byte {
	for size := 1 << 20; ; size *= 4 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size || size >= 64<<20 {
			return buf[:n]
		}
	}
}

// goroutineID returns the number of the calling goroutine, as stack traces have it.
func goroutineID() string {
	var buf [64]byte
	line := buf[:runtime.Stack(buf[:], false)]
	id, _, _ := bytes.Cut(bytes.TrimPrefix(line, []byte("goroutine ")), []byte(" "))
	return string(id)
}

// stackBelow finds the stack of what runs for a goroutine among those of all: a loop runs user code in coroutines, which it or one of
// its coroutines has made, and which are parked as such, all but one.
func stackBelow(id string, stacks []byte) string {
	family := map[string]bool{id: true}
	all := strings.Split(string(stacks), "\n\n")
	for grown := true; grown; {
		grown = false
		for _, g := range all {
			if own, maker := names(g); !family[own] && family[maker] && strings.Contains(g, "\niter.Pull") {
				family[own], grown = true, true
			}
		}
	}
	for _, g := range all {
		if own, _ := names(g); family[own] && !strings.Contains(header(g), "[coroutine") {
			return strings.TrimSpace(g)
		}
	}
	return ""
}

func header(g string) string {
	head, _, _ := strings.Cut(g, "\n")
	return head
}

// names returns the number of the goroutine with this trace, and that of the one that made it.
func names(g string) (own, maker string) {
	own, _, _ = strings.Cut(strings.TrimPrefix(header(g), "goroutine "), " ")
	if i := strings.LastIndex(g, " in goroutine "); i >= 0 {
		maker, _, _ = strings.Cut(g[i+len(" in goroutine "):], "\n")
	}
	return own, maker
}
