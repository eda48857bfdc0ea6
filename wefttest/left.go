// SPDX-License-Identifier: MIT

package wefttest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/weft-go/weft/promise"
)

// What is on its way to end when a test does, a Close that flushes, a handler that returns, has patience for it. It has come to rest when
// so many looks, 10 ms apart, have found the same. A test that leaves nothing waits for two turns of its loop.
const (
	patience = 5 * time.Second // also that of goroutines, to end after their loop
	looks    = 100
)

// checkLeft fails the test for what is open on the loop, or runs there.
func (l *loop) checkLeft(t testing.TB) {
	t.Helper()
	if left := l.left(); len(left) > 0 {
		t.Errorf("wefttest: the test has left this open or running. Close it, await it, or except it by wefttest.Allow:\n\n%s",
			strings.Join(counted(left), "\n"))
	}
}

// counted puts the number of equal texts in the place of the repeated ones.
func counted(texts []string) (all []string) {
	n := map[string]int{}
	for _, text := range texts {
		if n[text]++; n[text] == 1 {
			all = append(all, text)
		}
	}
	for i, text := range all {
		if n[text] > 1 {
			all[i] = fmt.Sprintf("%d x %s", n[text], text)
		}
	}
	return all
}

// left returns what is open on the loop or runs there, exceptions apart, when that has come to rest.
func (l *loop) left() (left []string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	same := 0
	for pause := time.Duration(0); ; pause = min(2*pause+time.Millisecond/8, 10*time.Millisecond) {
		now, err := l.resources(ctx)
		if err != nil { // the loop is closed, or held, which its end tells
			return left
		}
		if !slices.Equal(now, left) {
			same = 0
		}
		same++
		if left = now; len(left) == 0 || same >= looks {
			return left
		}
		time.Sleep(pause)
	}
}

// resources returns what is open on the loop or runs there, exceptions apart.
func (l *loop) resources(ctx context.Context) (all []string, err error) {
	// What was asked for in one turn is begun at the end of that.
	if err := promise.Pause(l.Context(ctx)).Wait(ctx); err != nil {
		return nil, err
	}
	err = l.Do(ctx, func() {
		l.reports.counting.Store(true)
		defer l.reports.counting.Store(false)
		for _, r := range l.Resources() {
			if text := r.String(); !l.allowed.allows(text) {
				all = append(all, text)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}
