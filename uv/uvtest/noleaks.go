// SPDX-License-Identifier: MIT

package uvtest

import (
	"maps"
	"runtime"
	"testing"
	"time"

	"github.com/weft-go/weft/uv"
)

// NoLeaks fails t when a loop that was made since is open at the end of the test, and says what it holds; when a signal has
// a handler that would run on a goroutine's stack; and on Linux, when file descriptors are left. It has to be called before
// what else the test cleans up at its end, and not by parallel tests.
func NoLeaks(t testing.TB) {
	t.Helper()
	before := map[*uv.Loop]bool{}
	for _, l := range uv.OpenLoops() {
		before[l] = true
	}
	fds := descriptors(t)
	t.Cleanup(func() {
		open := false
		for _, l := range uv.OpenLoops() {
			if !before[l] {
				open = true
				t.Errorf("uvtest: a loop was left open, with %+v\n%s", l.Stats(), l.Made())
			}
		}
		if open { // and its descriptors with it
			return
		}
		if sig := uv.UnguardedSignal(); sig != 0 {
			t.Errorf("uvtest: signal %d has a handler that would run on a goroutine's stack: see uv.GuardSignal", sig)
		}
		for fd, what := range newDescriptors(t, fds) {
			t.Errorf("uvtest: file descriptor %s was left open: %s", fd, what)
		}
	})
}

// patience is how long the goroutines of a test's peers may take to close what they have open.
const patience = 5 * time.Second

// newDescriptors returns those that were not open before, and stay open.
func newDescriptors(t testing.TB, before map[string]string) map[string]string {
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		fds := descriptors(t)
		maps.DeleteFunc(fds, func(fd, what string) bool { return before[fd] == what })
		if len(fds) == 0 || time.Now().After(end) {
			return fds
		}
	}
}

// NewLoop returns a loop for t, on a thread that is locked to it. At the end of the test it is run until nothing is alive, and then
// has to be empty: see NoLeaks.
func NewLoop(t testing.TB) *uv.Loop {
	t.Helper()
	warmUp(t)
	NoLeaks(t)
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	l, err := uv.NewLoop()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, l) })
	return l
}

func end(t testing.TB, l *uv.Loop) {
	if err := l.Run(uv.RunDefault); err != nil {
		t.Error(err)
	}
	if dump := l.Dump(); dump != "" {
		t.Errorf("uvtest: handles were left open:\n%s", dump)
	}
	if err := l.Close(); err != nil {
		t.Errorf("uvtest: Close: %v: %+v", err, l.Stats())
		return
	}
	if s := l.Stats(); s != (uv.Stats{}) {
		t.Errorf("uvtest: the closed loop has left something: %+v", s)
	}
}
