// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync/atomic"
)

// UnhandledError is what the loop's handler gets for a rejection that nobody looked at: no callback, no Await, no Poll, no
// Done channel. Each is reported once: that of Go when the callbacks of its turn have run, any other, and that of a Go without a
// loop, when the promise is collected or its loop closes. Cancellations and ErrLoopClosed are not reported, nor is an error in whose chain one has a method
// Unreported() bool that returns true: the consequence of what the program itself has done, such as a Close. A cancellation that
// another error is joined to is reported like any other error: one of the two is news.
type UnhandledError struct {
	Err      error  // what the promise was rejected with
	Rejected string // where, innermost call first: "function (file:line)" a line
	Made     string // where the promise was made, likewise; empty unless SetDebug is on, or the queue tracks (Queue.Track) and it is Go's
}

// Error names the rejection, and where it happened.
func (e *UnhandledError) Error() string {
	text := "promise: nobody looked at the rejection: " + e.Err.Error()
	if e.Rejected != "" {
		text += "\n\trejected at " + firstLine(e.Rejected)
	}
	if e.Made != "" {
		text += "\n\tmade at " + firstLine(e.Made)
	}
	return text
}

// Unwrap returns the rejection.
func (e *UnhandledError) Unwrap() error { return e.Err }

// manner is what only an error's own code can tell of it, and so is asked before a mutex is taken.
type manner uint8

const (
	ordinary   manner = iota
	byCancel          // nothing but a cancellation: OnCancel's callbacks run
	byClose           // nothing but the end of the loop, or of whatever the program has closed
	withCancel        // a cancellation, and an error beside it: OnCancel's callbacks run
)

// canceled reports whether OnCancel's callbacks run.
func (m manner) canceled() bool { return m == byCancel || m == withCancel }

// reported reports whether the loop's handler gets the error when nobody looks at it.
func (m manner) reported() bool { return m == ordinary || m == withCancel }

// with is the manner of two errors joined.
func (m manner) with(o manner) manner {
	switch canceled, reported := m.canceled() || o.canceled(), m.reported() || o.reported(); {
	case canceled && reported:
		return withCancel
	case canceled:
		return byCancel
	case reported:
		return ordinary
	}
	return byClose
}

// quietly is the manner of an error that its user has been told before.
func (m manner) quietly() manner {
	if m.canceled() {
		return byCancel
	}
	return byClose
}

func mannerOf(err error) manner {
	if err == nil {
		return ordinary
	}
	canceled, expected := isCanceled(err), isExpected(err)
	switch {
	case canceled && expected:
		return byCancel
	case canceled:
		return withCancel
	case expected:
		return byClose
	}
	return ordinary
}

// isExpected reports whether err is nothing but a cancellation, the end of a loop, or an error that asks not to be reported. An
// error that wraps several is that when all of them are; a panic never is.
func isExpected(err error) bool {
	for err != nil {
		if err == context.Canceled || err == ErrLoopClosed {
			return true
		}
		switch e := err.(type) {
		case interface{ Unwrap() []error }:
			return allExpected(e.Unwrap())
		case *PanicError:
			return false
		case interface{ Unreported() bool }:
			if e.Unreported() {
				return true
			}
		}
		if e, ok := err.(interface{ Is(error) bool }); ok && e.Is(context.Canceled) {
			return true
		}
		err = errors.Unwrap(err)
	}
	return false
}

func allExpected(errs []error) bool {
	for _, err := range errs {
		if !isExpected(err) {
			return false
		}
	}
	return len(errs) > 0
}

// unseen is the note of a rejection that nobody looked at when it came. The promise holds on to it in place of its source.
type unseen struct {
	q    *Queue // nil: the promise is on no loop
	err  error
	by   string // the function whose result the rejection is, when known; not itself: it may hold the promise
	at   Site   // where it was rejected
	made *Site

	seen atomic.Bool // somebody looked since
	node node        // carries the report to the loop
}

func (*unseen) seek(*search) fate { return passed }

// rejectedBy is implemented by a source whose promise has the result of a user's function.
type rejectedBy interface{ function() any }

// note makes the note of r's rejection with err, r being about to settle or fresh. by is r's source. q is locked if r has a loop.
func (r *Promise[T]) note(err error, by source) *unseen {
	u := &unseen{q: r.q, err: err, made: r.madeAt()}
	switch f := by.(type) {
	case runner:
		u.by = strings.TrimPrefix(f.taskCore().name(), "task ")
	case rejectedBy:
		u.by = funcName(f.function())
	}
	if t, ok := by.(runner); ok && u.made == nil {
		u.made = r.q.origins[t.taskCore()]
	}
	u.at.capture()
	u.node.cb = u
	return u
}

// watch has u reported when r is collected, or when the loop closes.
func (r *Promise[T]) watch(u *unseen) {
	if q := r.q; q != nil {
		if q.unseen == nil {
			q.unseen = map[*unseen]struct{}{}
		}
		q.unseen[u] = struct{}{}
	}
	runtime.AddCleanup(r, (*unseen).collected, u)
}

// collected is called, on a goroutine of the runtime, when the promise is gone.
func (u *unseen) collected() {
	if u.q == nil {
		u.run()
		return
	}
	q := u.q
	q.lock()
	if _, waits := q.unseen[u]; !waits { // reported when the loop closed
		q.unlock()
		return
	}
	delete(q.unseen, u)
	if !u.seen.Load() {
		q.push(&u.node)
	}
	q.unlock()
}

// run reports the rejection if nobody has looked at it by now.
func (u *unseen) run() {
	if u.seen.Load() {
		return
	}
	e := &UnhandledError{Err: u.err, Rejected: u.at.String(), Made: u.made.String()}
	if u.by != "" {
		e.Rejected = strings.TrimSpace(u.by + "\n" + e.Rejected)
	}
	if u.q == nil {
		reportNoLoop(e)
		return
	}
	u.q.Report(e)
}

func (u *unseen) housekeep() {}

// takeUnseen empties the list of notes, at the loop's end. q is locked.
func (q *Queue) takeUnseen() (all []callback) {
	for u := range q.unseen {
		all = append(all, u)
	}
	q.unseen = nil
	return all
}

// reportSuspects reports the rejections of Go that are still unseen, now that all callbacks have run.
func (q *Queue) reportSuspects() {
	q.lock()
	wait := q.batch.first != nil || q.ready.first != nil
	if len(q.suspects)+len(q.reports) == 0 || wait && !q.patient && !q.closing.Load() {
		q.patient = len(q.suspects) > 0 // no longer than until the end of the next turn
		q.unlock()
		return
	}
	q.patient = false
	q.reports = append(q.reports, q.suspects...)
	q.suspects = nil
	q.unlock()
	for len(q.reports) > 0 { // one by one: a handler may end this call by runtime.Goexit
		u := q.reports[0]
		q.reports = q.reports[1:]
		u.run()
	}
}

func reportNoLoop(err error) {
	logged.error("weft: unhandled error of a promise without a loop", err)
}
