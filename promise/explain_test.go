// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// call is an operation that says whom it calls.
type call struct {
	promise.Leaf[int]
	stopped bool
}

func (c *call) CancelOp(error) { c.stopped = true }

func (c *call) Explain(cause error) error { return fmt.Errorf("call mother: %w", cause) }

// callUnder starts a call. Without follow, ctx says on which loop.
func callUnder(ctx context.Context, follow bool) *call {
	c := &call{}
	if c.Init(promise.QueueFrom(ctx), c) && follow {
		c.Follow(ctx)
	}
	return c
}

func TestAnOperationExplainsWhyItDidNotEnd(t *testing.T) {
	run(t, func(ctx context.Context, l *promisetest.Loop) error {
		c := callUnder(ctx, true)
		c.Promise().Cancel()
		err := c.Promise().Wait(ctx)
		assert.EqualError(t, err, "call mother: promise: canceled")
		assert.ErrorIs(t, err, promise.ErrCanceled)

		short, cancel := promise.ContextTimeout(ctx, time.Second)
		defer cancel()
		under, beside, raced := callUnder(short, true), callUnder(ctx, true), callUnder(ctx, true)
		timeout := promise.WithTimeout(ctx, time.Second, raced.Promise())
		for _, err := range []error{beside.Promise().Wait(short), under.Promise().Wait(ctx), timeout.Wait(ctx), callUnder(short, true).Promise().Wait(ctx)} {
			assert.ErrorContains(t, err, "call mother: ")
			assert.ErrorIs(t, err, context.DeadlineExceeded)
			assert.ErrorIs(t, err, promise.ErrTimeout)
		}
		assert.EqualError(t, timeout.Wait(ctx), "call mother: promise: timed out", "nothing was cancelled but the call")
		assert.Equal(t, promise.ErrTimeout, callUnder(ctx, true).Promise().Protected().Wait(short), "somebody else may wait")
		assert.True(t, c.stopped && under.stopped && beside.stopped && raced.stopped)
		return nil
	})
}

func TestTheEndOfALoopIsNotExplained(t *testing.T) {
	l := promisetest.New()
	c := callUnder(l.Context(), true)
	closing := callUnder(l.Context(), true)
	closing.Promise().CancelCause(promise.ErrLoopClosed)
	assert.EqualError(t, closing.Promise().Wait(t.Context()), "promise: canceled: promise: the loop is closed")
	l.Close()
	assert.Equal(t, promise.ErrLoopClosed, c.Promise().Wait(t.Context()))
	assert.Equal(t, promise.ErrLoopClosed, callUnder(l.Context(), true).Promise().Wait(t.Context()))
}
