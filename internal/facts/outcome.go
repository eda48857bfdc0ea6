// SPDX-License-Identifier: MIT

package facts

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
)

type (
	unit = promise.Unit
	ints = promise.Promise[int]
)

var (
	errTest  = errors.New("test error")
	errOther = errors.New("another error")
)

// outcome is a promise's, in one value: "pending", the error, or the value.
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

// await is outcome after waiting for it.
func await[T any](ctx context.Context, p *promise.Promise[T]) any {
	_ = p.Wait(ctx) // outcome has it
	return outcome(p)
}

// step lets everything run that is queued, and all that this queues. (It must be fewer than 64 callbacks: with more, a turn of
// a slow machine may be over before they have run.)
func step(ctx context.Context) {
	if err := promise.Pause(ctx).Wait(ctx); err != nil {
		panic(err)
	}
}

func assertCanceled(t *testing.T, outcome any, msg ...any) {
	t.Helper()
	err, _ := outcome.(error)
	assert.ErrorIs(t, err, promise.ErrCanceled, msg...)
}

// reports has the errors that the loop's handler gets collected, instead of failing the test.
func reports(ctx context.Context) *[]error {
	var got []error
	promise.QueueFrom(ctx).SetHandler(func(err error) { got = append(got, err) })
	return &got
}

// closed runs main on a loop, closes that, and returns what its handler got.
func closed(t *testing.T, start Starter, main func(ctx context.Context)) (reported []error) {
	t.Helper()
	require.NoError(t, start(t).Run(func(ctx context.Context) error {
		promise.QueueFrom(ctx).SetHandler(func(err error) { reported = append(reported, err) })
		main(ctx)
		return nil
	}))
	return reported
}

// journal is what happened, in order.
type journal []string

func (j *journal) add(event string) { *j = append(*j, event) }

// note returns a callback that puts event into j.
func note[T any](j *journal, event string) func(T, error) {
	return func(T, error) { j.add(event) }
}

func double(v int) (int, error) { return 2 * v, nil }

// assertFlat checks that what round does leaves nothing on the heap. What others allocate meanwhile, such as the runtime and the
// testing package, is there too: that does not grow each time, and what round leaves does.
func assertFlat(t *testing.T, round func(), msg ...any) {
	t.Helper()
	var grown int64
	for range 5 {
		before := heap()
		for range rounds {
			round()
		}
		if grown = heap() - before; grown < rounds*64 {
			return
		}
	}
	assert.Less(t, grown, int64(rounds*64), msg...)
}

// heap returns the bytes that are live.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// heavy is for facts that make a million objects: it bounds the stack, so that recursion shows, and has the collector come
// seldom.
func heavy() (undo func()) {
	stack, percent := debug.SetMaxStack(1<<20), debug.SetGCPercent(400)
	return func() {
		debug.SetMaxStack(stack)
		debug.SetGCPercent(percent)
	}
}
