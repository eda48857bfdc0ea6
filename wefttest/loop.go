// SPDX-License-Identifier: MIT

package wefttest

import (
	"testing"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/uv"
)

// loop is a loop whose goroutines can be told from those of others.
type loop struct {
	*weftio.Loop
	goroutines label
	end        func() error // Close, or what a host has for it
}

// onHost makes loops on hosts; nil: this package's loops are owned.
var onHost func(opts ...weftio.Option) (l *weftio.Loop, end func() error, err error)

// SetHost has Run and Start take their loops from start instead of weftio.Start, so that a package's tests run on loops that a host
// of its own runs, adopted by weftio.Adopt. start holds the loop; end detaches it, waits for that, and returns what Detach's done
// has got. Call it before the tests, in TestMain.
func SetHost(start func(opts ...weftio.Option) (l *weftio.Loop, end func() error, err error)) {
	onHost = start
}

func newLoop(t testing.TB, opts []weftio.Option) *loop {
	t.Helper()
	l := &loop{goroutines: newLabel(t.Name())}
	var err error
	l.goroutines.do(func() {
		if onHost != nil {
			l.Loop, l.end, err = onHost(opts...)
		} else if l.Loop, err = weftio.Start(opts...); err == nil {
			l.end = l.Close
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
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

// patience is how long goroutines of a closed loop may take to end.
const patience = 5 * time.Second
