// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// parentContext makes a context that a case ends: one of std's, or one of this package's.
type parentContext func(t *testing.T, l *promisetest.Loop, how string) (ctx context.Context, end func())

// kept returns a context that something above ends.
func kept[C any](ctx context.Context, _ C) context.Context { return ctx }

var errCause = errors.New("the cause")

// stdParent is what the contexts of this package must agree with.
func stdParent(t *testing.T, _ *promisetest.Loop, how string) (context.Context, func()) {
	switch how {
	case "cancel":
		return context.WithCancel(t.Context())
	case "cause":
		ctx, cancel := context.WithCancelCause(t.Context())
		return ctx, func() { cancel(errCause) }
	case "a cause that is a deadline's":
		ctx, cancel := context.WithCancelCause(t.Context())
		return ctx, func() { cancel(os.ErrDeadlineExceeded) }
	case "deadline":
		return kept(context.WithTimeout(t.Context(), 20*time.Millisecond)), func() {}
	case "deadline with a cause":
		return kept(context.WithTimeoutCause(t.Context(), 20*time.Millisecond, errCause)), func() {}
	}
	return t.Context(), nil // never
}

// weftParents end in the same ways.
var weftParents = map[string]parentContext{
	"the loop's context": func(t *testing.T, l *promisetest.Loop, how string) (context.Context, func()) {
		ctx, end := stdParent(t, l, how)
		return l.Queue().Context(ctx), end
	},
	"a task": func(t *testing.T, l *promisetest.Loop, how string) (context.Context, func()) {
		ctx, end := stdParent(t, l, how)
		return taskUnder(l, l.Queue().Context(ctx)), end
	},
	"a task that is cancelled itself": func(_ *testing.T, l *promisetest.Loop, how string) (context.Context, func()) {
		var tctx context.Context
		p := promise.Go(l.Context(), func(ctx context.Context) error {
			tctx = ctx
			return promise.Sleep(ctx, time.Hour).Wait(ctx)
		})
		l.Flush()
		return tctx, map[string]func(){
			"cancel":                       p.Cancel,
			"cause":                        func() { p.CancelCause(errCause) },
			"a cause that is a deadline's": func() { p.CancelCause(os.ErrDeadlineExceeded) },
		}[how]
	},
	"a task's task": func(t *testing.T, l *promisetest.Loop, how string) (context.Context, func()) {
		ctx, end := stdParent(t, l, how)
		return taskUnder(l, taskUnder(l, l.Queue().Context(ctx))), end
	},
	"a task that has returned": func(t *testing.T, l *promisetest.Loop, how string) (context.Context, func()) {
		ctx, end := stdParent(t, l, how)
		var inner context.Context
		if above := taskUnder(l, l.Queue().Context(ctx)); above != nil {
			promise.Go(above, func(ctx context.Context) error { inner = ctx; return nil })
			l.Flush()
		}
		return inner, end
	},
	"an Offload's context": func(t *testing.T, l *promisetest.Loop, how string) (context.Context, func()) {
		ctx, end := stdParent(t, l, how)
		c := make(chan context.Context)
		p := promise.Offload(l.Queue().Context(ctx), func(ctx context.Context) (int, error) { c <- ctx; <-ctx.Done(); return 0, nil })
		if p.State() != promise.StatePending {
			return nil, end
		}
		return <-c, end
	},
	"ContextTimeout under it": func(t *testing.T, l *promisetest.Loop, how string) (context.Context, func()) {
		ctx, end := stdParent(t, l, how)
		above := taskUnder(l, l.Queue().Context(ctx))
		if above == nil {
			return nil, end
		}
		return kept(promise.ContextTimeout(above, time.Hour)), end
	},
	"ContextTimeout": func(_ *testing.T, l *promisetest.Loop, how string) (context.Context, func()) {
		ctx, cancel := promise.ContextTimeout(l.Context(), time.Minute)
		return ctx, map[string]func(){
			"cancel":   cancel,
			"deadline": func() { l.Advance(time.Minute) },
		}[how]
	},
	"a task under ContextTimeout": func(_ *testing.T, l *promisetest.Loop, how string) (context.Context, func()) {
		ctx, cancel := promise.ContextTimeout(l.Context(), time.Minute)
		return taskUnder(l, ctx), map[string]func(){
			"cancel":   cancel,
			"deadline": func() { l.Advance(time.Minute) },
		}[how]
	},
}

// taskUnder returns the context of a task that waits for its end, under ctx.
func taskUnder(l *promisetest.Loop, ctx context.Context) (tctx context.Context) {
	if ctx == nil {
		return nil // its deadline came before the test did
	}
	promise.Go(ctx, func(ctx context.Context) error {
		tctx = ctx
		return promise.Sleep(ctx, time.Hour).Wait(ctx)
	})
	l.Flush()
	return tctx
}

// derivations of std's.
var derivations = map[string]func(ctx context.Context) context.Context{
	"itself":          func(ctx context.Context) context.Context { return ctx },
	"WithCancel":      func(ctx context.Context) context.Context { return kept(context.WithCancel(ctx)) },
	"WithCancelCause": func(ctx context.Context) context.Context { return kept(context.WithCancelCause(ctx)) },
	"WithTimeout":     func(ctx context.Context) context.Context { return kept(context.WithTimeout(ctx, time.Hour)) },
	"WithDeadline": func(ctx context.Context) context.Context {
		return kept(context.WithDeadline(ctx, time.Now().Add(time.Hour)))
	},
	"WithTimeoutCause": func(ctx context.Context) context.Context {
		return kept(context.WithTimeoutCause(ctx, time.Hour, errTest))
	},
	"WithValue": func(ctx context.Context) context.Context { return context.WithValue(ctx, valueKey{}, 1) },
	"WithCancel of WithValue": func(ctx context.Context) context.Context {
		return kept(context.WithCancel(context.WithValue(ctx, valueKey{}, 1)))
	},
	"WithValue of WithCancel": func(ctx context.Context) context.Context {
		return context.WithValue(kept(context.WithCancel(ctx)), valueKey{}, 1)
	},
	"WithoutCancel": context.WithoutCancel,
}

// facts are what a context says of itself.
type ctxFacts struct {
	err         error
	caused      bool // by errCause
	done        bool
	hasDeadline bool
	afterFunc   bool
}

func factsOf(ctx context.Context, ran <-chan struct{}) ctxFacts {
	_, has := ctx.Deadline()
	return ctxFacts{
		err:         ctx.Err(),
		caused:      errors.Is(context.Cause(ctx), errCause),
		done:        ctx.Done() != nil && closed(ctx.Done()),
		hasDeadline: has,
		afterFunc:   closed(ran),
	}
}

// factsAfter ends a context, and returns what one derived from it says then.
func factsAfter(t *testing.T, l *promisetest.Loop, ctx context.Context, end func(), derive func(context.Context) context.Context) ctxFacts {
	c := derive(ctx)
	ran := make(chan struct{})
	context.AfterFunc(c, func() { close(ran) })
	if c.Done() == nil {
		end()
		l.Flush()
		return factsOf(c, ran)
	}
	end()
	for deadline := time.Now().Add(10 * time.Second); !closed(ran); {
		l.Flush()
		require.True(t, time.Now().Before(deadline), "it does not end")
	}
	late := factsOf(derive(ctx), ran) // derived from what has ended
	f := factsOf(c, ran)
	assert.Equal(t, f, late, "derived before and after the end")
	return f
}

func TestContextsSayWhatThoseOfStdSay(t *testing.T) {
	for _, how := range []string{"cancel", "cause", "a cause that is a deadline's", "deadline", "deadline with a cause"} {
		for of, parent := range weftParents {
			for name, derive := range derivations {
				t.Run(how+"/"+of+"/"+name, func(t *testing.T) {
					l := newLoop(t)
					ctx, end := parent(t, l, how)
					for end != nil && ctx == nil {
						ctx, end = parent(t, l, how)
					}
					if end == nil {
						return // it has no such end
					}
					sctx, send := stdParent(t, l, how)
					want := factsAfter(t, l, sctx, send, derive)
					got := factsAfter(t, l, ctx, end, derive)
					if got.hasDeadline != want.hasDeadline { // a deadline on the loop's clock is none on the wall's
						assert.Contains(t, of, "ContextTimeout")
						got.hasDeadline = want.hasDeadline
					}
					assert.Equal(t, want, got)
				})
			}
		}
	}
}
