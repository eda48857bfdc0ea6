// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// wait spawns a task that awaits a promise that never settles, under the context that derive makes of the
// task's own.
func wait(l *promisetest.Loop, derive func(context.Context) context.Context) *promise.Promise[int] {
	never, _ := promise.New[int](l.Context())
	return promise.Spawn(l.Context(), func(ctx context.Context) (int, error) {
		return never.NoCancel().Await(derive(ctx))
	})
}

// Each of these adds work to a loop that sleeps. effect reports whether the work was done.
func TestWorkForASleepingLoopWakesIt(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(l *promisetest.Loop) (act func(), effect func() bool)
		at      time.Duration // when the work is due
	}{
		"Resolve with a callback": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			p, r := promise.New[int](l.Context())
			m := promise.Map(p, func(v int) (int, error) { return v, nil })
			return func() { r.Resolve(1) }, settled(m)
		}},
		"Post": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			ran := false
			return func() { _ = l.Queue().Post(func() { ran = true }) }, func() bool { return ran }
		}},
		"Spawn": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			ran := false
			return func() {
				promise.Go(l.Context(), func(context.Context) error { ran = true; return nil })
			}, func() bool { return ran }
		}},
		"Cancel of a waiting task": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			p := wait(l, func(ctx context.Context) context.Context { return ctx })
			return p.Cancel, settled(p)
		}},
		"cancel of a ContextTimeout that a task awaits under": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			var cancel context.CancelFunc
			p := wait(l, func(ctx context.Context) context.Context {
				ctx, cancel = promise.ContextTimeout(ctx, time.Hour)
				return ctx
			})
			return func() { cancel() }, settled(p)
		}},
		"cancel of a std context that a task awaits under": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			var cancel context.CancelFunc
			p := wait(l, func(ctx context.Context) context.Context {
				ctx, cancel = context.WithCancel(ctx)
				return ctx
			})
			return func() {
				cancel()
				for !l.Woken() { // std calls on a goroutine of its own
					time.Sleep(time.Millisecond)
				}
			}, settled(p)
		}},
		"Attach to a settled promise": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			p, r := promise.New[int](l.Context())
			r.Resolve(1)
			ran := false
			return func() { p.OnSettle(func(int, error) { ran = true }) }, func() bool { return ran }
		}},
		"Pause": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			var p *promise.Promise[promise.Unit]
			return func() { p = promise.Pause(l.Context()) }, func() bool { return settled(p)() }
		}},
		"Sleep": {at: time.Second, prepare: func(l *promisetest.Loop) (func(), func() bool) {
			var p *promise.Promise[promise.Unit]
			return func() { p = promise.Sleep(l.Context(), time.Second) }, func() bool { return settled(p)() }
		}},
		"a Sleep before the one that is set": {at: time.Second, prepare: func(l *promisetest.Loop) (func(), func() bool) {
			promise.Sleep(l.Context(), time.Hour)
			l.Flush()
			var p *promise.Promise[promise.Unit]
			return func() { p = promise.Sleep(l.Context(), time.Second) }, func() bool { return settled(p)() }
		}},
		"ContextTimeout": {at: time.Second, prepare: func(l *promisetest.Loop) (func(), func() bool) {
			var ctx context.Context
			return func() {
				ctx, _ = promise.ContextTimeout(l.Context(), time.Second) //nolint:govet // its timer is the subject
			}, func() bool { return ctx.Err() != nil }
		}},
		"Pick of a promise that settles": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			a, r := promise.New[int](l.Context())
			b, _ := promise.New[int](l.Context())
			ran := false
			promise.Pick(a, b).OnSettle(func(int, error) { ran = true })
			return func() { r.Resolve(1) }, func() bool { return ran }
		}},
		"Cancel of a leaf with an operation": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			op := &stoppable{}
			op.Init(l.Queue(), op)
			return op.Promise().Cancel, func() bool { return op.stopped }
		}},
		"the end of a foreign context above a promise": {prepare: func(l *promisetest.Loop) (func(), func() bool) {
			ctx, cancel := context.WithCancel(l.Context())
			p, _ := promise.New[int](ctx)
			m := promise.Map(p, func(v int) (int, error) { return v, nil })
			return func() {
				cancel()
				for !l.Woken() { // std calls on a goroutine of its own
					time.Sleep(time.Millisecond)
				}
			}, settled(m)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := promisetest.New()
			defer l.Close()
			act, effect := test.prepare(l)
			l.Flush() // nothing is left to run: the loop sleeps
			require.False(t, l.Woken())
			done := make(chan struct{})
			go func() { defer close(done); act() }()
			<-done
			require.True(t, l.Woken())
			l.Advance(test.at)
			assert.True(t, effect())
		})
	}
}

type stoppable struct {
	promise.Leaf[int]
	stopped bool
}

func (s *stoppable) CancelOp(error) { s.stopped = true }

func settled[T any](p *promise.Promise[T]) func() bool {
	return func() bool { return p.State() != promise.StatePending }
}

// The fields that say whether a loop must be woken have one file that uses them, and so has Wake.
func TestOnePlaceWakesTheLoop(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, f := range files {
		if f == "monitor.go" || strings.HasSuffix(f, "_test.go") {
			continue
		}
		src, err := os.ReadFile(f)
		require.NoError(t, err)
		for _, word := range []string{".mon.", "exec.Wake("} {
			assert.NotContains(t, string(src), word, "%s: only monitor.go may use it", f)
		}
	}
}
