// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"fmt"
	"strings"
)

// HandleInfo describes a handle of a loop.
type HandleInfo struct {
	Type    HandleType
	FD      int64 // the file descriptor, on Windows the HANDLE or SOCKET; -1: none
	Active  bool
	Ref     bool   // it keeps the loop alive while it is active
	Closing bool   // Close was called; it is gone after the next turn
	Foreign bool   // it was made by other C code
	Made    string // the Go stack that made it, in debug mode (SetDebug), innermost call first, a line each
}

// String returns one line, and another for each call of Made.
func (i HandleInfo) String() string {
	words := []string{i.Type.String()}
	for _, w := range []struct {
		on   bool
		word string
	}{{i.Active, "active"}, {i.Ref, "ref"}, {i.Closing, "closing"}, {i.Foreign, "foreign"}} {
		if w.on {
			words = append(words, w.word)
		}
	}
	if i.FD >= 0 {
		words = append(words, fmt.Sprintf("fd %d", i.FD))
	}
	line := strings.Join(words, " ")
	if i.Made != "" {
		line += "\n\t" + strings.ReplaceAll(i.Made, "\n", "\n\t")
	}
	return line
}

// Walk calls f with each handle of the loop, also with those of C libraries. What f does to the loop is not seen by this
// Walk. Loop goroutine only. Binds uv_walk.
func (l *Loop) Walk(f func(HandleInfo)) {
	for _, i := range l.handles() {
		f(HandleInfo{
			Type:    HandleType(i._type),
			FD:      int64(i.fd),
			Active:  i.state&C.WEFT_ACTIVE != 0,
			Ref:     i.state&C.WEFT_HAS_REF != 0,
			Closing: i.state&C.WEFT_CLOSING != 0,
			Foreign: i.handle == 0,
			Made:    l.made[i.handle].String(),
		})
	}
}

// handles asks libuv for the handles, the submitted things done.
func (l *Loop) handles() []C.weft_info {
	if l.shared == nil {
		return nil
	}
	l.flush()
	infos := make([]C.weft_info, l.shared.handles+16)
	for {
		n := int(C.weft_walk(l.ptr, &infos[0], C.uint32_t(len(infos))))
		if n <= len(infos) {
			return infos[:n]
		}
		infos = make([]C.weft_info, n)
	}
}

// Dump returns a line for each handle of the loop and each open token, in debug mode with the stack that made it. Loop goroutine only. Does what
// uv_print_all_handles does.
func (l *Loop) Dump() string {
	var b strings.Builder
	l.Walk(func(i HandleInfo) { fmt.Fprintln(&b, i) })
	for _, t := range l.Tokens() {
		fmt.Fprintln(&b, t)
	}
	return b.String()
}
