// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

type unit = promise.Unit

var errTest = errors.New("test error")

// newLoop returns a loop whose end leaves nothing behind.
func newLoop(t testing.TB) *promisetest.Loop {
	l := promisetest.New()
	t.Cleanup(func() { assert.Empty(t, l.Close()) })
	return l
}

// run runs main as a task on a loop of its own.
func run(t *testing.T, main func(ctx context.Context, l *promisetest.Loop) error) {
	t.Helper()
	l := newLoop(t)
	assert.NoError(t, l.Run(func(ctx context.Context) error { return main(ctx, l) }))
}

// outcome is a promise's, in words.
func outcome[T any](p *promise.Promise[T]) any {
	v, err, ok := p.Poll()
	switch {
	case !ok:
		return "pending"
	case err != nil:
		return err
	}
	return v
}

// pending returns a promise on l and its resolver.
func pending(l *promisetest.Loop) (*promise.Promise[int], *promise.Resolver[int]) {
	return promise.New[int](l.Context())
}

func double(v int) (int, error) { return 2 * v, nil }

func doubled(v int) *promise.Promise[int] { return promise.Resolved(2 * v) }
