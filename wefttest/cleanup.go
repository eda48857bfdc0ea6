// SPDX-License-Identifier: MIT

package wefttest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/weft-go/weft/promise"
)

// loopKey is the key of a test's *loop in its ctx.
type loopKey struct{}

// cleanups are functions to be called when a test body has ended.
type cleanups struct {
	mu    sync.Mutex
	funcs []func(ctx context.Context) error
}

// Cleanup has f called, as a task, when the test body that was given ctx has ended, and before what it leaves is counted:
// in a helper that opens something for tests. Several are called one after the other, the last one first. An error of
// f fails the test. (A function of t.Cleanup is called too late for that, when Run has returned.) A ctx that is not
// Run's or Start's panics. Safe from any goroutine.
func Cleanup(ctx context.Context, f func(ctx context.Context) error) {
	l, ok := ctx.Value(loopKey{}).(*loop)
	if !ok {
		panic("wefttest: Cleanup: the ctx is not that of a test: use the one that Run or Start gives")
	}
	l.cleanups.mu.Lock()
	defer l.cleanups.mu.Unlock()
	l.cleanups.funcs = append(l.cleanups.funcs, f)
}

// last takes the function that is to be called next, nil when there is none.
func (c *cleanups) last() (f func(ctx context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.funcs); n > 0 {
		f = c.funcs[n-1]
		c.funcs = c.funcs[:n-1]
	}
	return f
}

// cleanUp calls the functions of Cleanup.
func (l *loop) cleanUp(t testing.TB) {
	t.Helper()
	for f := l.cleanups.last(); f != nil; f = l.cleanups.last() {
		if err := l.call(f); errors.Is(err, promise.ErrLoopClosed) {
			return // by the test
		} else if err != nil {
			t.Errorf("wefttest: Cleanup: %v", err)
		}
	}
}

// call runs f as a task.
func (l *loop) call(f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return promise.Go(l.context(ctx), f).Wait(ctx)
}
