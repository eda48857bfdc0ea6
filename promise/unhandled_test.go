// SPDX-License-Identifier: MIT

package promise_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"runtime"
	"sync"
	"testing"

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
	promise.Go(context.Background(), failWith(errTest))
	assert.Contains(t, string(log.Bytes()), "carries no loop", "at once: Go's promise is usually dropped")
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
