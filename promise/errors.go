// SPDX-License-Identifier: MIT

package promise

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
)

// ErrCanceled rejects a promise that was cancelled. errors.Is(err, context.Canceled) holds for it, and
// errors.Is(err, ErrCanceled) holds for every cancellation that carries a cause of its own.
var ErrCanceled error = &canceledError{}

// ErrTimeout rejects a promise whose time was up. It is os.ErrDeadlineExceeded and context.DeadlineExceeded
// to errors.Is, and its Timeout method reports true.
var ErrTimeout error = timeoutError{}

// ErrLoopClosed is what work gets that reaches a loop too late, or was still pending when the loop closed.
var ErrLoopClosed = errors.New("promise: the loop is closed")

// ErrNoLoop rejects what was started with a context that carries no loop.
var ErrNoLoop = errors.New("promise: the context carries no loop: start from the ctx that weftio.Run hands to its main function, " +
	"or from (*weftio.Loop).Context")

// ErrWouldDeadlock is returned by a wait on a loop's own thread that nothing could ever end: an Await in a bare callback,
// or in Go code that C called from a task.
var ErrWouldDeadlock = errors.New("promise: waiting here would block the loop that has to settle the promise: " +
	"await inside promise.Spawn, or attach a callback with promise.Bind or OnSettle")

// ErrGoexit rejects the promise of a task, or the result of a callback, that ended by runtime.Goexit
// (as testing.T.FailNow does).
var ErrGoexit = errors.New("promise: runtime.Goexit was called before the function returned")

// PanicError is the rejection that a panic in a task or callback becomes.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // the stack of the goroutine at the panic, as debug.Stack prints it
}

// Error returns the panic's value and its stack.
func (e *PanicError) Error() string {
	return fmt.Sprintf("promise: panic: %v\n\n%s", e.Value, e.Stack)
}

// Unwrap returns the panic's value when that is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// newPanicError is called in the deferred function that recovered value, while the panicking frames are still on the stack.
func newPanicError(value any) *PanicError {
	return &PanicError{Value: value, Stack: debug.Stack()}
}

type canceledError struct {
	cause   error
	expired bool // a context's deadline ended it
}

func (e *canceledError) Error() string {
	if e.cause == nil {
		return "promise: canceled"
	}
	return "promise: canceled: " + e.cause.Error()
}

func (e *canceledError) Is(target error) bool {
	return target == ErrCanceled || target == context.Canceled
}

func (e *canceledError) Unwrap() error { return e.cause }

// Timeout reports whether the cause is that time was up.
func (e *canceledError) Timeout() bool {
	t, ok := e.cause.(interface{ Timeout() bool })
	return ok && t.Timeout()
}

// canceled returns the error that a cancellation with the given cause rejects with.
func canceled(cause error) error {
	switch {
	case cause == nil || cause == context.Canceled:
		return ErrCanceled
	case errors.Is(cause, ErrCanceled):
		return cause
	}
	return &canceledError{cause: cause}
}

// endError returns the error that the end of a context cancels with.
func endError(cause error, expired bool) error {
	if expired && !isExpiry(cause) {
		return &canceledError{cause: cause, expired: true}
	}
	return canceled(cause)
}

// isExpiry reports whether err is an endError of a deadline.
func isExpiry(err error) bool {
	e, ok := err.(*canceledError)
	return ok && e.expired
}

// isCanceled reports whether err is a cancellation, by whatever route it came.
func isCanceled(err error) bool { return err != nil && errors.Is(err, context.Canceled) }

type timeoutError struct{}

func (timeoutError) Error() string   { return "promise: timed out" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

func (timeoutError) Is(target error) bool {
	return target == os.ErrDeadlineExceeded || target == context.DeadlineExceeded
}
