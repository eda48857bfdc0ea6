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
// The loop is the test's own. A body that returns has closed, awaited or cancelled what it began. The test fails for
//   - what the body leaves open or running: connections, listeners, servers, name lookups, tasks, Offloads, and the timers of
//     Sleep, WithTimeout and ContextTimeout. Bare promises may stay pending;
//   - errors that nobody else receives: rejections of promise.Go and others that nobody looked at, panics in callbacks,
//     errors of handlers;
//   - a loop that was held for too long: for 250 ms by code that blocks, for 2.5 s by code that computes. With the race
//     detector it is twice as long;
//   - what the closed loop leaves: handles, memory, goroutines.
//
// The report has each with the place where it was made:
//
//	wefttest: the test has left this open or running. Close it, await it, or except it by wefttest.Allow:
//
//	listener 127.0.0.1:38211
//		example.com/chat.start (chat/server.go:31)
//		example.com/chat.TestChat.func1 (chat/server_test.go:17)
//
// What is on its way to end has up to five seconds for it: a Close that flushes, a server that shuts down, a task that was
// cancelled. A test that leaves nothing does not wait. Of a test that has failed otherwise, or is skipped, what it leaves is no matter.
//
// Allow makes exceptions. weftio.OnError takes the errors, and weftio.Watchdog sets another limit of how long the loop may be
// held: Watchdog(time.Second, nil), or 0 for none. A helper that opens something for a test closes it by Cleanup.
//
// So that the report knows the places, the loops are made with weftio.TrackResources, but not in benchmarks; an allocation test of Spawn or
// Sleep turns that off by weftio.TrackResources(false).
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
// returned in time, or leaves something behind: see the package's comment. body may use t as the test itself does: a failed require ends body, and then the
// test.
func Run(t testing.TB, body func(ctx context.Context) error, opts ...Option) {
	t.Helper()
	RunWithin(t, Limit, body, opts...)
}

// RunWithin is Run with another limit. When the time is up body's ctx ends, with ErrLimit as its cause, and the test fails with the
// stacks of the loop's goroutines, whether body returns then or not.
func RunWithin(t testing.TB, limit time.Duration, body func(ctx context.Context) error, opts ...Option) {
	t.Helper()
	l := newLoop(t, opts)
	ctx, cancel := context.WithCancelCause(l.context(t.Context()))
	err := l.run(ctx, cancel, limit, body)
	l.finish(t, err == nil, func() { cancel(ErrLimit) })
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

// run runs body and returns what it returns, or an ErrLimit that says where it is when the time is up; cancel has ended its ctx then.
func (l *loop) run(ctx context.Context, cancel context.CancelCauseFunc, limit time.Duration, body func(ctx context.Context) error) error {
	p := promise.Go(ctx, body)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-p.Done():
		_, err, _ := p.Poll()
		return err
	case <-timer.C:
		err := fmt.Errorf("%w: it has not returned within %v. It is here:\n\n%s", ErrLimit, limit, l.goroutines.stacks())
		cancel(ErrLimit)
		return err
	}
}

// Start returns a loop in the background, and t's context with it. When the test has ended, and functions given to t.Cleanup after Start have
// run, the loop is checked as by Run, and closed. A loop that the test itself has closed is not asked what it had open.
func Start(t testing.TB, opts ...Option) (*weftio.Loop, context.Context) {
	t.Helper()
	l := newLoop(t, opts)
	t.Cleanup(func() {
		t.Helper()
		l.finish(t, !t.Failed() && !t.Skipped(), func() {})
	})
	return l.Loop, l.context(context.WithoutCancel(t.Context()))
}
