// SPDX-License-Identifier: MIT

package wefttest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// fakeT is a test that fails without failing this one.
type fakeT struct {
	testing.TB // what is not below must not be called
	failed     bool
	skipped    bool
	log        strings.Builder
	cleanups   []func()
}

func (f *fakeT) Helper()                        {}
func (f *fakeT) Name() string                   { return "fake" }
func (f *fakeT) Context() context.Context       { return context.Background() }
func (f *fakeT) Errorf(format string, a ...any) { fmt.Fprintf(&f.log, format, a...); f.failed = true }
func (f *fakeT) Error(a ...any)                 { f.Errorf("%s", fmt.Sprint(a...)) }
func (f *fakeT) FailNow()                       { f.failed = true; runtime.Goexit() }
func (f *fakeT) Fatalf(format string, a ...any) { f.Errorf(format, a...); f.FailNow() }
func (f *fakeT) Fatal(a ...any)                 { f.Fatalf("%s", fmt.Sprint(a...)) }
func (f *fakeT) SkipNow()                       { f.skipped = true; runtime.Goexit() }
func (f *fakeT) Failed() bool                   { return f.failed }
func (f *fakeT) Skipped() bool                  { return f.skipped }
func (f *fakeT) Cleanup(g func())               { f.cleanups = append(f.cleanups, g) }

// try runs test with a fake t, and says whether it came to its end.
func try(test func(t testing.TB)) (f *fakeT, returned bool) {
	f = &fakeT{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		test(f)
		returned = true
	}()
	<-done
	for _, c := range f.cleanups {
		c()
	}
	return f, returned
}

func TestRunGivesTheBodyALoop(t *testing.T) {
	ran := false
	Run(t, func(ctx context.Context) error {
		require.NotNil(t, weftio.LoopFrom(ctx))
		ran = true
		return weftio.Sleep(ctx, time.Millisecond).Wait(ctx)
	})
	assert.True(t, ran)
}

func TestWhatFailsATest(t *testing.T) {
	for name, test := range map[string]struct {
		body func(t testing.TB, ctx context.Context) error
		log  string
	}{
		"an error":          {func(_ testing.TB, ctx context.Context) error { return errors.New("went wrong") }, "went wrong"},
		"a panic":           {func(testing.TB, context.Context) error { panic("went wild") }, "run_test.go"},
		"a failed require":  {func(t testing.TB, _ context.Context) error { require.True(t, false); return nil }, "Should be true"},
		"a task that stays": {func(_ testing.TB, ctx context.Context) error { stay(ctx); return nil }, "wefttest.stay"},
	} {
		t.Run(name, func(t *testing.T) {
			f, returned := try(func(t testing.TB) {
				Run(t, func(ctx context.Context) error { return test.body(t, ctx) }, weftio.Grace(10*time.Millisecond))
			})
			assert.True(t, f.failed)
			assert.Equal(t, name == "a task that stays", returned) // it is no error of the body
			assert.Contains(t, f.log.String(), test.log)
		})
	}
}

// stay leaves a task that does not mind that its loop ends.
func stay(ctx context.Context) {
	promise.Go(ctx, func(ctx context.Context) error {
		for {
			_ = weftio.Sleep(context.WithoutCancel(ctx), time.Hour).Wait(ctx)
		}
	})
	_ = promise.Pause(ctx).Wait(ctx)
}

func TestSkipInTheBodySkipsTheTest(t *testing.T) {
	f, returned := try(func(t testing.TB) {
		Run(t, func(context.Context) error { t.SkipNow(); return nil })
	})
	assert.False(t, returned)
	assert.False(t, f.failed)
	assert.True(t, f.skipped)
}

func TestTheLimitEndsTheBodyAndSaysWhereItIs(t *testing.T) {
	var cause error
	f, returned := try(func(t testing.TB) {
		RunWithin(t, 50*time.Millisecond, func(ctx context.Context) error {
			err := weftio.Sleep(ctx, time.Hour).Wait(ctx)
			cause = context.Cause(ctx)
			return err
		})
	})
	assert.False(t, returned)
	assert.ErrorIs(t, cause, ErrLimit)
	assert.Contains(t, f.log.String(), "has not returned within 50ms")
	assert.Contains(t, f.log.String(), "TestTheLimitEndsTheBodyAndSaysWhereItIs")
}

func TestTheLimitHoldsForABodyThatNeverLooks(t *testing.T) {
	release := make(chan struct{})
	f, _ := try(func(t testing.TB) {
		RunWithin(t, 50*time.Millisecond, func(context.Context) error { <-release; return nil }, weftio.Grace(time.Millisecond))
	})
	assert.Contains(t, f.log.String(), "has not returned within 50ms")
	assert.Contains(t, f.log.String(), "does not come back")
	close(release)
}

func TestGoroutinesThatStayAreFound(t *testing.T) {
	l, other := newLabel("mine"), newLabel("other")
	release := make(chan struct{})
	other.do(func() { go linger(release) })
	assert.Empty(t, l.stacks())
	l.do(func() { go linger(release) })
	assert.Eventually(t, func() bool { return strings.Contains(l.stacks(), "linger") }, patience, time.Millisecond)
	close(release)
	assert.Empty(t, l.wait(patience))
}

func linger(release chan struct{}) { <-release }

func TestStartClosesTheLoopWithTheTest(t *testing.T) {
	var loop *weftio.Loop
	f, _ := try(func(t testing.TB) {
		l, ctx := Start(t)
		loop = l
		assert.Same(t, l, weftio.LoopFrom(ctx))
		promise.New[int](ctx) // nothing that is left open counts
	})
	assert.False(t, f.failed, f.log.String())
	assert.ErrorIs(t, loop.Post(func() {}), promise.ErrLoopClosed)
}
