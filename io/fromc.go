// SPDX-License-Identifier: MIT

package io

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// Token is what C code on any thread settles a promise or feeds a stream with, without entering Go: a weft_token of weft.h.
// C's copy may be used for ever: when it is too late, C is told by a code.
type Token = uv.Token

// CPointer is a pointer that C code has handed over, with its destructor. See FromC.
type CPointer = uv.Pointer

// FromCType is a type that C code can give: by weft_resolve_i, weft_resolve_b and weft_resolve_p, or the weft_stream_push of
// the same letter.
type FromCType interface{ int64 | []byte | *CPointer }

// CError is the error of a promise that C code has rejected, or of a stream that it has ended with a code.
type CError struct {
	Code    uv.Errno // libuv's, or one that weft.h adds
	Message string   // what C said; may be empty
}

// Error returns the message and the code's text.
func (e *CError) Error() string {
	if e.Message == "" {
		return "from C: " + e.Code.Error()
	}
	return fmt.Sprintf("from C: %s: %v", e.Message, e.Code)
}

// Unwrap returns the code.
func (e *CError) Unwrap() error { return e.Code }

// Is takes WEFT_ECANCELED for context.Canceled.
func (e *CError) Is(target error) bool {
	return target == context.Canceled && e.Code == uv.TokenCanceled
}

// FromC returns a promise, and the token with which C code settles it, once, from any thread: see weft_resolve_i, _p, _b and
// weft_reject in weft.h. An error is a *CError.
//
// Cancelling the promise, which the end of ctx does too, has C told: its callback of weft_token_on_cancel is called on the loop, and a
// later resolve returns WEFT_ECANCELED and drops what it was given. So it is when the loop closes (WEFT_ECLOSED). A *CPointer of
// a promise that nobody awaits any more is dropped; one that was awaited is the caller's to Drop.
//
// A promise does not keep the loop from ending: see Loop.Hold. Loop.Tokens lists those that C has not settled. Safe from any goroutine.
func FromC[T FromCType](ctx context.Context) (*promise.Promise[T], Token) {
	l, err := loopOf(ctx)
	if err != nil {
		return promise.Rejected[T](err), 0
	}
	op := &fromC[T]{l: l}
	if !op.Init(l.q, op) {
		return op.Promise(), uv.DeadToken(uv.TokenClosed)
	}
	if op.token, err = l.uv.NewToken(typeFromC[T](), op); err != nil {
		op.Fail(promise.ErrLoopClosed)
		return op.Promise(), uv.DeadToken(uv.TokenClosed)
	}
	if token := op.token; !op.Follow(ctx) {
		l.here(func() { l.uv.CancelToken(token) })
	}
	return op.Promise(), op.token
}

// fromC is a value that C code will give.
type fromC[T FromCType] struct {
	promise.Leaf[T]
	l     *Loop
	token Token
}

// Complete implements uv.Completer.
func (op *fromC[T]) Complete(ev uv.Event) {
	v, err := valueFromC[T](ev)
	if !op.Settle(v, err) {
		dropFromC(v)
	}
}

// CancelOp implements promise.Canceler.
func (op *fromC[T]) CancelOp(error) { op.l.uv.CancelToken(op.token) }

func typeFromC[T FromCType]() uv.CType {
	var v T
	switch any(v).(type) {
	case int64:
		return uv.IntFromC
	case []byte:
		return uv.BytesFromC
	}
	return uv.PointerFromC
}

func valueFromC[T FromCType](ev uv.Event) (v T, err error) {
	switch {
	case ev.Status == uv.TokenClosed && !ev.IsEnd(): // C has not said so
		return v, promise.ErrLoopClosed
	case ev.Status != 0:
		return v, &CError{Code: ev.Status, Message: string(ev.Data)}
	}
	switch p := any(&v).(type) {
	case *int64:
		*p = ev.Value
	case *[]byte:
		*p = bytes.Clone(ev.Data)
	case **CPointer:
		*p = ev.TakePointer()
	}
	return v, nil
}

func dropFromC[T FromCType](v T) {
	if p, ok := any(v).(*CPointer); ok && p != nil {
		p.Drop()
	}
}

// CPromise is a promise that was given to C code: a weft_promise of weft.h.
type CPromise = uv.CPromise

// ToC returns p as something that C code can wait for, once, from any thread, with weft_await: for an integer, or bytes, which C sees
// during its callback. An error becomes its uv.Errno where it has one, else UV_UNKNOWN, with its text. C is told on ctx's loop,
// with WEFT_ECLOSED when that closes before. ToC counts as interest in p. Safe from any goroutine.
func ToC[T int64 | []byte](ctx context.Context, p *promise.Promise[T]) (CPromise, error) {
	l, err := loopOf(ctx)
	if err != nil {
		return 0, err
	}
	h, err := l.uv.NewCPromise()
	if err != nil {
		return 0, promise.ErrLoopClosed
	}
	p.OnSettle(func(v T, err error) {
		l.here(func() { settleForC(l, h, v, err) })
	})
	return h, nil
}

func settleForC[T int64 | []byte](l *Loop, h CPromise, v T, err error) {
	if err != nil {
		l.uv.SettleCPromise(h, codeForC(err), 0, []byte(err.Error()))
		return
	}
	switch v := any(v).(type) {
	case int64:
		l.uv.SettleCPromise(h, 0, v, nil)
	case []byte:
		l.uv.SettleCPromise(h, 0, 0, append([]byte{}, v...)) // not nil
	}
}

func codeForC(err error) uv.Errno {
	var code uv.Errno
	switch {
	case errors.As(err, &code) && code < 0:
		return code
	case errors.Is(err, context.Canceled):
		return uv.ECANCELED
	case errors.Is(err, promise.ErrLoopClosed):
		return uv.TokenClosed
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, promise.ErrTimeout):
		return uv.ETIMEDOUT
	case errors.Is(err, EOF):
		return uv.EOF
	}
	return uv.UNKNOWN
}
