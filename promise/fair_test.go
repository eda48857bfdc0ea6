// SPDX-License-Identifier: MIT

package promise_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
)

// spin makes l settle one promise after the other, for ever.
func spin(t *testing.T, settle func(next func())) (rounds *int) {
	rounds = new(int)
	var next func()
	next = func() {
		*rounds++
		settle(next)
	}
	next()
	return rounds
}

func TestPromisesThatSettleEachOtherKeepNobodyWaiting(t *testing.T) {
	l := newLoop(t)
	rounds := spin(t, func(next func()) {
		p, r := pending(l)
		p.OnSettle(func(int, error) { next() })
		r.Resolve(1)
	})
	pause, sleep := promise.Pause(l.Context()), promise.Sleep(l.Context(), 0)
	assert.True(t, l.Turn(), "it says that there is more to run")
	l.Turn()
	l.Turn()
	assert.Equal(t, unit{}, outcome(pause))
	assert.Equal(t, unit{}, outcome(sleep))
	assert.Less(t, *rounds, 1<<17)
}

func TestTimersThatAreAlwaysDueKeepNobodyWaiting(t *testing.T) {
	l := newLoop(t)
	spin(t, func(next func()) {
		promise.Sleep(l.Context(), 0).OnSettle(func(unit, error) { next() })
	})
	p, r := pending(l)
	for range 100 {
		p = promise.Map(p, double)
	}
	r.Resolve(0)
	l.Turn()
	l.Turn()
	assert.Equal(t, 0, outcome(p))
}
