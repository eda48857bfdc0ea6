// SPDX-License-Identifier: MIT

package wefttest

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// reports are what a loop has told its handlers: errors that nobody else receives, and that it was held for too long. Safe from any
// goroutine.
type reports struct {
	mu    sync.Mutex
	texts []string

	counting atomic.Bool // what holds the loop is this package's
}

func (r *reports) add(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, text)
}

// take empties the list and returns it.
func (r *reports) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts := r.texts
	r.texts = nil
	return texts
}

func (r *reports) onError(err error) {
	text := err.Error()
	var panicked *promise.PanicError
	if errors.As(err, &panicked) {
		text += "\n\n" + string(panicked.Stack)
	}
	r.add(text)
}

// computes is how many times the limit of code that blocks is that of code that computes: on a machine that is busy with
// other tests, that may be what a tenth of the time would do alone.
const computes = 10

// onHeld is what a test's watchdog calls. Code that computes, or that a busy machine keeps from running, may go on a while.
func (l *loop) onHeld(e *weftio.HeldError) {
	text := e.Error() + "\n\n" + e.Stack
	switch {
	case l.reports.counting.Load():
	case e.For < heldLimit, blocks(e.Stack): // the test has set a lower limit, or there is no doubt
		l.reports.add(text)
	default:
		var over atomic.Bool
		_ = l.Post(func() { over.Store(true) })
		time.AfterFunc((computes-1)*heldLimit, func() {
			if !over.Load() {
				l.reports.add(text)
			}
		})
	}
}

// blocks reports whether a goroutine waits, for what others do or for time to pass: its stack says so in the first line.
func blocks(stack string) bool {
	head, _, _ := strings.Cut(stack, "\n")
	_, state, known := strings.Cut(head, "[")
	for _, busy := range []string{"running", "runnable", "syscall"} { // also in C
		known = known && !strings.HasPrefix(state, busy)
	}
	return known
}
