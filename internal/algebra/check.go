// SPDX-License-Identifier: MIT

package algebra

import (
	"fmt"
	"strings"
)

// Check runs p on the library and on the model. It returns how they differ, "" if they do not.
func Check(p Program, seed uint64) string {
	lib, mod := newReal(seed), newModel(seed)
	defer lib.loop.Close()
	a, b := &run{w: lib}, &run{w: mod}
	for i, s := range p {
		if s.Op == Turn {
			a.w.Turn()
			b.w.Turn()
		} else {
			onLoop(lib, func() { a.step(s) })
			mod.enqueue(&callback{run: func() { b.step(s) }})
			mod.turn()
		}
		if d := difference(a, b); d != "" {
			return fmt.Sprintf("after step %d: %s", i, d)
		}
	}
	for range 3 {
		a.w.Turn()
		b.w.Turn()
	}
	if d := difference(a, b); d != "" {
		return "at the end: " + d
	}
	return ""
}

// onLoop runs f in a turn of the loop.
func onLoop(w *real, f func()) {
	if err := w.loop.Queue().Post(f); err != nil {
		panic(err)
	}
	w.loop.Turn()
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
