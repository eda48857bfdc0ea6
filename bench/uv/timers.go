// SPDX-License-Identifier: MIT

package main

import (
	"log"
	"time"

	"github.com/weft-go/weft/uv"
)

// countdown counts what is still to happen.
type countdown int

// Complete implements uv.Completer.
func (left *countdown) Complete(uv.Event) { *left-- }

// millionTimers makes timers, has them fire, and closes them. Each ten thousand are due a millisecond after those before them: they
// are sorted, and none is waited for.
func millionTimers(n, _ int) {
	l := newLoop()
	timers := make([]*uv.Timer, n)
	left := countdown(n)
	begin()
	for i := range timers {
		t, err := uv.NewTimer(l)
		check(err)
		check(t.Start(time.Duration(i/10000)*time.Millisecond, 0, &left))
		timers[i] = t
	}
	for left > 0 {
		_, err := l.Turn(uv.RunOnce)
		check(err)
	}
	left = countdown(n)
	for _, t := range timers {
		check(t.Close(&left))
	}
	check(l.Run(uv.RunDefault))
	end()
	if left != 0 {
		log.Fatalf("%d timers are not closed", left)
	}
	check(l.Close())
}
