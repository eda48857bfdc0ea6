// SPDX-License-Identifier: MIT

package main

import "github.com/weft-go/weft/uv"

// ticks closes its handle when it has been told often enough.
type ticks struct {
	*uv.Idle
	left int
}

// Complete implements uv.Completer.
func (t *ticks) Complete(uv.Event) {
	if t.left--; t.left == 0 {
		check(t.Close(nil))
	}
}

// loopCount turns a loop that has an idle handle.
func loopCount(n, _ int) {
	l := newLoop()
	idle, err := uv.NewIdle(l)
	check(err)
	check(idle.Start(&ticks{idle, n}))
	begin()
	check(l.Run(uv.RunDefault))
	end()
	check(l.Close())
}
