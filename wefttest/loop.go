// SPDX-License-Identifier: MIT

package wefttest

import (
	"context"
	"testing"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/uv"
)

// loop is a loop whose goroutines can be told from those of others.
type loop struct {
	*weftio.Loop
	goroutines label
	end        func() error // Close, or what a host has for it
	allowed    allow
	reports    reports
	cleanups   cleanups
}

// onHost makes loops on hosts; nil: this package's loops are owned.
var onHost func(opts ...weftio.Option) (l *weftio.Loop, end func() error, err error)

// SetHost has Run and Start take their loops from start instead of weftio.Start, so that a package's tests run on loops that a host
// of its own runs, adopted by weftio.Adopt. start holds the loop; end detaches it, waits for that, and returns what Detach's done
// has got. Call it before the tests, in TestMain.
func SetHost(start func(opts ...weftio.Option) (l *weftio.Loop, end func() error, err error)) {
	onHost = start
}

func newLoop(t testing.TB, opts []Option) *loop {
	t.Helper()
	l := &loop{goroutines: newLabel(t.Name())}
	all := l.options(t, opts)
	var err error
	l.goroutines.do(func() {
		if onHost != nil {
			l.Loop, l.end, err = onHost(all...)
		} else if l.Loop, err = weftio.Start(all...); err == nil {
			l.end = l.Close
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// context returns a context of the loop's, derived from ctx, for a test.
func (l *loop) context(ctx context.Context) context.Context {
	return l.Context(context.WithValue(ctx, loopKey{}, l))
}

// finish ends the loop of a test that is over, and fails one that has passed for what it has left. end ends the test's ctx.
func (l *loop) finish(t testing.TB, passed bool, end func()) {
	t.Helper()
	l.cleanUp(t)
	if passed {
		l.checkLeft(t)
	}
	end()
	told := l.reports.take()
	l.close(t)
	if passed {
		told = append(told, l.reports.take()...) // else it may be a consequence of the failure
	}
	for _, text := range told {
		if !t.Skipped() && !l.allowed.allows(text) {
			t.Errorf("wefttest: the loop has reported: %s", text)
		}
	}
}

// close closes the loop and fails the test for what it leaves. What Close says of a loop that the test has closed is the test's
// business.
func (l *loop) close(t testing.TB) {
	t.Helper()
	over := l.Post(func() {}) != nil
	if err := l.end(); err != nil {
		if !over {
			t.Error(err)
		}
		return // what is left is known
	}
	if s := l.Stats(); s != (weftio.Stats{}) {
		t.Errorf("wefttest: the closed loop has left something: %+v", s)
	}
	if signum := uv.UnguardedSignal(); signum != 0 {
		t.Errorf("wefttest: signal %d has a handler that would run on a goroutine's stack: see uv.GuardSignal", signum)
	}
	if left := l.goroutines.wait(patience); left != "" {
		t.Errorf("wefttest: goroutines of the closed loop have not ended:\n\n%s", left)
	}
}
