// SPDX-License-Identifier: MIT

package algebra

import (
	"fmt"
	"strings"
)

// Check runs p on the library and on the model. It returns how they differ, "" if they do not.
func Check(p Program, seed uint64) string {
	lib, mod := newReal(1, seed), newModel(seed)
	defer lib.close()
	a, b := &run{w: lib}, &run{w: mod}
	for i, s := range p {
		both(i, s, a, b, lib, mod)
		if d := difference(a, b); d != "" {
			return fmt.Sprintf("after step %d: %s", i, d)
		}
	}
	return atTheEnd(a, b)
}

// CheckLoops does so with the promises on several loops, for the part of p that says what becomes of them in whatever order the
// loops run: without races, and without cancellations.
func CheckLoops(p Program, loops int, seed uint64) string {
	lib, mod := newReal(loops, seed), newModel(seed)
	defer lib.close()
	a, b := &run{w: lib, early: true}, &run{w: mod, early: true}
	for i, s := range p.Confluent() {
		both(i, s, a, b, lib, mod)
	}
	for range 100 { // news goes round the loops until there is none
		lib.Turn()
	}
	a.log, b.log = nil, nil
	return atTheEnd(a, b)
}

// both does a step on the library, on one of its loops, and on the model.
func both(i int, s Step, a, b *run, lib *real, mod *model) {
	if s.Op == Turn {
		lib.Turn()
		mod.Turn()
		return
	}
	lib.on(i, func() { a.step(s) })
	mod.enqueue(&callback{run: func() { b.step(s) }})
	mod.turn()
}

func atTheEnd(a, b *run) string {
	for range 3 {
		a.w.Turn()
		b.w.Turn()
	}
	if d := difference(a, b); d != "" {
		return "at the end: " + d
	}
	return ""
}

func difference(lib, mod *run) string {
	for i := range min(len(lib.log), len(mod.log)) {
		if lib.log[i] != mod.log[i] {
			return fmt.Sprintf("callback %q, but the model %q; before it:\n%s", lib.log[i], mod.log[i], strings.Join(lib.log[:i], "\n"))
		}
	}
	if len(lib.log) != len(mod.log) {
		return fmt.Sprintf("callbacks\n%s\nbut the model\n%s", strings.Join(lib.log, "\n"), strings.Join(mod.log, "\n"))
	}
	if lib.w.Len() != mod.w.Len() {
		return fmt.Sprintf("%d promises, but the model %d", lib.w.Len(), mod.w.Len())
	}
	for i := range lib.w.Len() {
		if l, m := lib.w.Outcome(i), mod.w.Outcome(i); l != m {
			return fmt.Sprintf("promise %d: %q, but the model %q", i, l, m)
		}
	}
	return ""
}
