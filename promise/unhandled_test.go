// SPDX-License-Identifier: MIT

package promise_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// newReportingLoop returns a loop and what its handler was given.
func newReportingLoop() (*promisetest.Loop, *[]error) {
	l := promisetest.New()
	var reported []error
	l.Queue().SetHandler(func(err error) { reported = append(reported, err) })
	return l, &reported
}

func failWith(err error) func(context.Context) error {
	return func(context.Context) error { return err }
}

// assertUnhandled asserts that want, and nothing else, was reported as unhandled.
func assertUnhandled(t *testing.T, reported []error, want ...error) {
	t.Helper()
	require.Len(t, reported, len(want))
	for i, err := range want {
		var u *promise.UnhandledError
		require.ErrorAs(t, reported[i], &u)
		assert.Equal(t, err, u.Err)
		assert.ErrorIs(t, u, err)
	}
}

func TestErrorsOfGoAreReportedInTheirTurn(t *testing.T) {
	l, reported := newReportingLoop()
	promise.Go(l.Context(), failWith(errTest))
	promise.Go(l.Context(), failWith(context.Canceled))
	promise.Go(l.Context(), failWith(promise.ErrLoopClosed))
	promise.Go(l.Context(), failWith(errors.ErrUnsupported)).OnSettle(func(unit, error) {})
	l.Turn()
	assertUnhandled(t, *reported, errTest)
	assert.Contains(t, (*reported)[0].Error(), "rejected at github.com/weft-go/weft/promise_test.TestErrorsOfGoAreReportedInTheirTurn.failWith.func")
	l.Close()
	assertUnhandled(t, *reported, errTest)
}

func TestABusyLoopReportsToo(t *testing.T) {
	l, reported := newReportingLoop()
	spin(t, func(next func()) { _ = l.Queue().Post(next) })
	promise.Go(l.Context(), failWith(errTest))
	l.Turn()
	l.Turn()
	l.Turn()
	assertUnhandled(t, *reported, errTest)
	l.Close()
}

func TestUnseenRejectionsAreReportedWhenTheLoopCloses(t *testing.T) {
	l, reported := newReportingLoop()
	rejected := func() *promise.Promise[int] {
		p, r := pending(l)
		r.Reject(errTest)
		return p
	}
	kept := []*promise.Promise[int]{rejected()} // the one that nobody looks at
	looks := map[string]func(p *promise.Promise[int]){
		"Poll":     func(p *promise.Promise[int]) { p.Poll() },
		"OnSettle": func(p *promise.Promise[int]) { p.OnSettle(func(int, error) {}) },
		"Catch": func(p *promise.Promise[int]) {
			p.Catch(func(error) *promise.Promise[int] { return promise.Resolved(1) })
		},
		"AllSettled": func(p *promise.Promise[int]) { promise.AllSettled(p) },
		"Await": func(p *promise.Promise[int]) {
			promise.Go(l.Context(), func(ctx context.Context) error { _, _ = p.Await(ctx); return nil })
		},
	}
	for _, look := range looks {
		p := rejected()
		kept = append(kept, p)
		look(p)
	}
	loser, lr := pending(l)
	promise.Choose(loser, promise.Resolved(1))
	lr.Reject(errors.ErrUnsupported)
	l.Flush()
	assert.Empty(t, *reported)
	l.Close()
	assertUnhandled(t, *reported, errTest)
	runtime.KeepAlive(kept)
}

func TestUnseenRejectionsAreReportedWhenTheyAreCollected(t *testing.T) {
	l, reported := newReportingLoop()
	kept, r := pending(l)
	r.Reject(errors.ErrUnsupported)
	seen, r := pending(l)
	r.Reject(errors.ErrUnsupported)
	seen.Poll()
	_, r = pending(l)
	r.Reject(errTest)
	p, r := pending(l)
	promise.Map(promise.Map(p, double), double) // only its end is nobody's
	r.Reject(errTest)
	func() {
		var self *promise.Promise[int]
		self = promise.Map(promise.Pause(l.Context()), func(unit) (int, error) {
			_ = self // a function that holds its own promise does not keep it
			return 0, errTest
		})
	}()
	l.Flush()
	for range 1000 {
		runtime.GC()
		runtime.Gosched()
		if l.Flush(); len(*reported) == 3 {
			break
		}
	}
	assertUnhandled(t, *reported, errTest, errTest, errTest)
	kept.Poll()
	l.Close()
	assertUnhandled(t, *reported, errTest, errTest, errTest)
}

func TestDebugModeTellsWhereAPromiseWasMade(t *testing.T) {
	promise.SetDebug(true)
	defer promise.SetDebug(false)
	l, reported := newReportingLoop()
	makeOne := func() (*promise.Promise[int], *promise.Resolver[int]) { return pending(l) }
	p, r := makeOne()
	_, never := makeOne()
	assert.Len(t, l.Queue().Unsettled(), 2)
	r.Reject(errTest)
	require.Len(t, l.Queue().Unsettled(), 1)
	assert.Contains(t, l.Queue().Unsettled()[0], "promise_test.TestDebugModeTellsWhereAPromiseWasMade")
	assert.True(t, never.Resolve(1))

	var self *promise.Promise[int]
	self = promise.Bind(promise.Resolved(1), func(int) *promise.Promise[int] { return self })
	self = promise.Bind(p.NoCancel().Catch(func(error) *promise.Promise[int] { return promise.Resolved(1) }),
		func(int) *promise.Promise[int] { return self })
	l.Flush()
	assert.Equal(t, "pending", outcome(self))
	assert.Len(t, l.Queue().Unsettled(), 1, "a promise that waits for itself shows up")

	q, r := makeOne()
	r.Reject(errTest)
	l.Close()
	assertUnhandled(t, *reported, errTest)
	var u *promise.UnhandledError
	require.ErrorAs(t, (*reported)[0], &u)
	assert.Contains(t, u.Made, "promise_test.pending")
	assert.Contains(t, u.Rejected, "promise_test.TestDebugModeTellsWhereAPromiseWasMade")
	assert.Contains(t, u.Error(), "unhandled_test.go:")
	runtime.KeepAlive(q)
}

func TestUnseenRejectionsOnNoLoopGoToSlog(t *testing.T) {
	var log syncBuffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(was)
	promise.Rejected[int](errTest).Poll()
	promise.Rejected[int](errors.ErrUnsupported)
	for i := 0; i < 1000 && !bytes.Contains(log.Bytes(), []byte(errors.ErrUnsupported.Error())); i++ {
		runtime.GC()
		runtime.Gosched()
	}
	assert.Contains(t, string(log.Bytes()), errors.ErrUnsupported.Error())
	assert.NotContains(t, string(log.Bytes()), errTest.Error())
}

func TestARejectionOfGoWithoutALoopIsReportedWhenNobodyCanLookAnyMore(t *testing.T) {
	var log syncBuffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(was)
	ctx := context.Background()
	require.ErrorIs(t, promise.Go(ctx, failWith(errTest)).Wait(ctx), promise.ErrNoLoop)
	run(t, func(tctx context.Context, _ *promisetest.Loop) error {
		assert.ErrorIs(t, promise.Go(ctx, failWith(errTest)).Wait(tctx), promise.ErrNoLoop)
		return nil
	})
	promise.Go(ctx, failWith(errTest)) // the one that nobody looks at
	for i := 0; i < 1000 && !bytes.Contains(log.Bytes(), []byte("carries no loop")); i++ {
		runtime.GC()
		runtime.Gosched()
	}
	assert.Equal(t, 1, bytes.Count(log.Bytes(), []byte("carries no loop")))
}

// opaque is an error that says itself that it is a cancellation, or that it must not be reported.
type opaque struct{ canceled, expected bool }

func (opaque) Error() string           { return "opaque" }
func (o opaque) Is(target error) bool  { return o.canceled && target == context.Canceled }
func (o opaque) Unreported() bool      { return o.expected }
func wrapped(err error) error          { return fmt.Errorf("reading: %w", err) }
func panicked(value error) (err error) { return &promise.PanicError{Value: value} }

func TestOnlyWhatIsNothingButACancellationIsSilent(t *testing.T) {
	caused := func() error {
		l := newLoop(t)
		p, _ := pending(l)
		p.CancelCause(errTest)
		return outcome(p).(error)
	}()
	for _, row := range []struct {
		name               string
		err                error
		canceled, reported bool
	}{
		{"an error", errTest, false, true},
		{"canceled", promise.ErrCanceled, true, false},
		{"canceled by a context", context.Canceled, true, false},
		{"canceled with a cause", caused, true, false},
		{"an error of its own kind that is a cancellation", opaque{canceled: true}, true, false},
		{"canceled, with text", wrapped(promise.ErrCanceled), true, false},
		{"canceled twice", errors.Join(promise.ErrCanceled, wrapped(context.Canceled)), true, false},
		{"canceled while the loop closed", errors.Join(promise.ErrCanceled, promise.ErrLoopClosed), true, false},
		{"canceled and an error", errors.Join(promise.ErrCanceled, errTest), true, true},
		{"an error and canceled", fmt.Errorf("%w, then %w", errTest, promise.ErrCanceled), true, true},
		{"canceled and an error, below", wrapped(errors.Join(wrapped(promise.ErrCanceled), wrapped(errTest))), true, true},
		{"canceled and a timeout", errors.Join(promise.ErrCanceled, promise.ErrTimeout), true, true},
		{"a panic with a cancellation", panicked(context.Canceled), true, true},
		{"a panic with the end of the loop", panicked(promise.ErrLoopClosed), false, true},
		{"the end of the loop", wrapped(promise.ErrLoopClosed), false, false},
		{"the end of the loop and an error", errors.Join(promise.ErrLoopClosed, errTest), false, true},
		{"the program's own doing", wrapped(opaque{expected: true}), false, false},
		{"the program's own doing and an error", errors.Join(opaque{expected: true}, errTest), false, true},
		{"a joined nothing", wrapped(opaque{}), false, true},
	} {
		l, reported := newReportingLoop()
		p, r := pending(l)
		ran := false
		p.OnCancel(func() { ran = true })
		r.Reject(row.err)
		promise.Go(l.Context(), failWith(row.err))
		l.Flush()
		assert.Equal(t, row.canceled, ran, "%s: OnCancel", row.name)
		assert.Equal(t, row.reported, len(*reported) == 1, "%s: Go", row.name)
		l.Close()
		assert.Equal(t, row.reported, len(*reported) == 2, "%s: at the end of the loop", row.name)
		runtime.KeepAlive(p)
	}
}

func TestACleanupThatFailsWhileItsBodyIsCancelledIsReported(t *testing.T) {
	l, reported := newReportingLoop()
	p, _ := pending(l)
	f := p.Finally(func() *promise.Promise[unit] { return promise.Rejected[unit](errTest) })
	task := promise.Go(l.Context(), func(ctx context.Context) (err error) {
		defer func() { err = errors.Join(err, errTest) }()
		return promise.Sleep(ctx, time.Hour).Wait(ctx)
	})
	l.Flush()
	f.Cancel()
	task.Cancel()
	l.Flush()
	l.Close()
	require.Len(t, *reported, 2)
	for _, err := range *reported {
		assert.ErrorIs(t, err, errTest)
		assert.ErrorIs(t, err, promise.ErrCanceled)
	}
	runtime.KeepAlive(f)
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.b.Bytes())
}
