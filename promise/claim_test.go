// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

type noOp struct{}

func (noOp) CancelOp(error) {}

func TestALeafThatIsClaimedIsFulfilledWhateverCancelsIt(t *testing.T) {
	l := promisetest.New()
	ctx := l.Context()
	for range 100 {
		var leaf promise.Leaf[int]
		leaf.Init(promise.QueueFrom(ctx), noOp{})
		assert.True(t, leaf.Claim())
		began, ended := make(chan bool), make(chan bool)
		go func() {
			close(began)
			leaf.Promise().Cancel() // waits
			close(ended)
		}()
		<-began
		leaf.Conclude(7)
		<-ended
		v, err, ok := leaf.Promise().Poll()
		assert.True(t, ok)
		assert.NoError(t, err)
		assert.Equal(t, 7, v)
		assert.False(t, leaf.Claim(), "it is settled")
	}
}

func TestALeafThatWasCancelledCannotBeClaimed(t *testing.T) {
	l := promisetest.New()
	ctx := l.Context()
	var leaf promise.Leaf[int]
	leaf.Init(promise.QueueFrom(ctx), noOp{})
	leaf.Promise().Cancel()
	assert.False(t, leaf.Claim())
	assert.ErrorIs(t, leaf.Promise().Wait(ctx), context.Canceled)
}
