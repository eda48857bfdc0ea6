// SPDX-License-Identifier: MIT

package promise_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

func TestWhatPostHasTakenRunsBeforeTheLoopIsClosed(t *testing.T) {
	l := promisetest.New()
	never, _ := pending(l)
	accepted, ran, open := 0, 0, 0
	var again func()
	again = func() {
		if ran++; never.State() == promise.StatePending {
			open++
		}
		if l.Queue().Post(again) == nil {
			accepted++
		}
	}
	again() // goes on for longer than Close turns the loop
	l.Close()
	assert.Greater(t, accepted, 10_000)
	assert.Equal(t, accepted+1, ran)
	assert.Equal(t, ran, open, "while they run the loop is not closed")
	assert.Equal(t, promise.ErrLoopClosed, l.Queue().Post(again))
	assert.Equal(t, accepted+1, ran)
}
