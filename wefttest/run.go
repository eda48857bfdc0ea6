// SPDX-License-Identifier: MIT

// Package wefttest runs test bodies on a loop:
//
//	func TestEcho(t *testing.T) {
//		wefttest.Run(t, func(ctx context.Context) error {
//			conn, err := weftio.Dial(ctx, "tcp", address).Await(ctx)
//			require.NoError(t, err)
//			...
//			return conn.Close().Wait(ctx)
//		})
//	}
//
// The loop is the test's own. When the body has ended, it is closed, and whatever is left of it fails the test: tasks, promises,
// handles, memory, goroutines.
package wefttest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// Limit is how long Run lets a body run.
const Limit = time.Minute

// ErrLimit is the cause of the end of a body's ctx when its time is up.
var ErrLimit = errors.New("wefttest: the test body's time is up")

// Run runs body as a task on a loop of its own, with a minute of time. The test fails when body returns an error, panics, has not
// returned in time, or leaves something behind. body may use t as the test itself does: a failed require ends body, and then the
// test.
func Run(t testing.TB, body func(ctx context.Context) error, opts ...weftio.Option) {
	t.Helper()
	RunWithin(t, Limit, body, opts...)
}

// RunWithin is Run with another limit. When the time is up body's ctx ends, with ErrLimit as its cause, and the test fails with the
// stacks of the loop's goroutines, whether body returns then or not.
func RunWithin(t testing.TB, limit time.Duration, body func(ctx context.Context) error, opts ...weftio.Option) {
	t.Helper()
	l := newLoop(t, opts)
	err := l.run(t.Context(), limit, body)
	l.close(t)
	var panicked *promise.PanicError
	switch {
	case err == nil:
	case err == promise.ErrGoexit && t.Skipped():
		runtime.Goexit()
	case err == promise.ErrGoexit:
		t.FailNow()
	case errors.As(err, &panicked):
		t.Fatalf("%v\n\n%s", err, panicked.Stack)
	default:
		t.Fatal(err)
	}
}

// run runs body and returns what it returns, or an ErrLimit that says where it is when the time is up.
func (l *loop) run(ctx context.Context, limit time.Duration, body func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(ErrLimit)
	p := promise.Go(l.Context(ctx), body)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.Done():
		_, err, _ := p.Poll()
		return err
	case <-timer.C:
		return fmt.Errorf("%w: it has not returned within %v. It is here:\n\n%s", ErrLimit, limit, l.goroutines.stacks())
	}
}

// Start returns a loop in the background, and t's context with it. The loop is closed and checked when the test has ended; what it
// holds by then of what the test has left open does not count.
func Start(t testing.TB, opts ...weftio.Option) (*weftio.Loop, context.Context) {
	t.Helper()
	l := newLoop(t, opts)
	ctx := l.Context(context.WithoutCancel(t.Context()))
	t.Cleanup(func() { l.close(t) })
	return l.Loop, ctx
}
