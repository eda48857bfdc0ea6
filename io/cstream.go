// SPDX-License-Identifier: MIT

package io

import (
	"context"
	"iter"
	"slices"
	"sync"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// CStream is a stream of values that C code pushes, from any thread. Its methods are safe from any goroutine.
type CStream[T FromCType] struct {
	life promise.Leaf[promise.Unit] // pending until the end; cancelled by Cancel and the end of the ctx
	l    *Loop

	token Token
	room  int

	mu      sync.Mutex
	values  []T
	waiting []*cNext[T]
	end     error // nil: goes on
	read    int   // values that C has not been told of
}

// StreamFromC returns a stream and the token with which C code feeds it: see weft_stream_push_i, _p, _b and weft_stream_end in
// weft.h. No more than room values, which is at least 1, are there that nobody has read; beyond that C is told WEFT_FULL. Cancel, and the
// end of ctx, have C told, as FromC says.
func StreamFromC[T FromCType](ctx context.Context, room int) (*CStream[T], Token) {
	if room < 1 {
		panic("weftio: StreamFromC: there must be room for one value at least")
	}
	s := &CStream[T]{room: room}
	l, err := loopOf(ctx)
	if err != nil {
		s.end = err
		return s, 0
	}
	s.l = l
	if s.life.Init(l.q, s) {
		s.token, err = l.uv.NewStreamToken(typeFromC[T](), room, s)
	} else {
		err = promise.ErrLoopClosed
	}
	if err != nil {
		s.life.Settle(promise.Unit{}, nil)
		s.end = promise.ErrLoopClosed
		return s, uv.DeadToken(uv.TokenClosed)
	}
	if !s.life.Follow(ctx) {
		s.finish(context.Cause(ctx), true)
		l.here(func() { l.uv.CancelToken(s.token) })
	}
	return s, s.token
}

// cNext is somebody who waits for a value.
type cNext[T FromCType] struct {
	promise.Leaf[T]
	s *CStream[T]
}

// CancelOp implements promise.Canceler: the value goes to somebody else.
func (n *cNext[T]) CancelOp(error) {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	if i := slices.Index(n.s.waiting, n); i >= 0 {
		n.s.waiting = slices.Delete(n.s.waiting, i, i+1)
	}
}

// Next returns the next value. After the last one it is rejected with io.EOF, or with the *CError with which C has ended the stream;
// on a stream that was cancelled at once. A *CPointer is the caller's to Drop. Cancelling withdraws this Next alone.
func (s *CStream[T]) Next() *promise.Promise[T] {
	s.mu.Lock()
	if len(s.values) > 0 {
		v := s.values[0]
		var none T
		s.values[0] = none
		s.values = s.values[1:]
		n := s.hasRead()
		s.mu.Unlock()
		if n > 0 {
			s.l.here(func() { s.l.uv.StreamRead(s.token, n) })
		}
		return promise.Resolved(v)
	}
	defer s.mu.Unlock()
	if s.end != nil {
		return promise.Rejected[T](s.end)
	}
	n := &cNext[T]{s: s}
	if n.Init(s.l.q, n) {
		s.waiting = append(s.waiting, n)
	}
	return n.Promise()
}

// hasRead counts a value that was read. It returns how many C has to hear of now: half the room at a time. s.mu is held.
func (s *CStream[T]) hasRead() (n int) {
	s.read++
	if s.read < (s.room+1)/2 || s.end != nil {
		return 0
	}
	n = s.read
	s.read = 0
	return n
}

// All returns the values up to the end, which is no error when it is a plain one; an error comes last. Leaving the loop early
// leaves the rest to the next reader: Cancel says that there is none.
func (s *CStream[T]) All(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			v, err := s.Next().Await(ctx)
			if err == EOF || !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Cancel ends the stream: what nobody has read is dropped, every Next is rejected with promise.ErrCanceled, and C is told. It has no
// effect on a stream that has ended, whose last values stay. It takes effect in the loop's next step: a Next right after it may still
// bring a value.
func (s *CStream[T]) Cancel() {
	if s.l != nil {
		s.life.Promise().Cancel()
	}
}

// CancelOp implements promise.Canceler.
func (s *CStream[T]) CancelOp(cause error) {
	s.finish(cause, true)
	s.l.uv.CancelToken(s.token)
}

// Complete implements uv.Completer.
func (s *CStream[T]) Complete(ev uv.Event) {
	v, err := valueFromC[T](ev)
	switch {
	case ev.IsEnd() && err == nil:
		s.finish(EOF, false)
		return
	case err != nil:
		s.finish(err, false)
		return
	}
	if n := s.take(v); n > 0 {
		s.l.uv.StreamRead(s.token, n)
	}
}

// take gives v to whoever waits, or keeps it. It returns what hasRead does.
func (s *CStream[T]) take(v T) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.end != nil { // cancelled meanwhile
		dropFromC(v)
		return 0
	}
	for len(s.waiting) > 0 {
		w := s.waiting[0]
		s.waiting[0] = nil
		s.waiting = s.waiting[1:]
		if w.Settle(v, nil) {
			return s.hasRead()
		}
	}
	s.values = append(s.values, v)
	return 0
}

// finish ends the stream, for good.
func (s *CStream[T]) finish(err error, drop bool) {
	s.mu.Lock()
	if s.end != nil {
		s.mu.Unlock()
		return
	}
	s.end = err
	waiting := s.waiting
	s.waiting = nil
	var left []T
	if drop {
		left = s.values
		s.values = nil
	}
	s.mu.Unlock()
	for _, v := range left {
		dropFromC(v)
	}
	for _, w := range waiting {
		w.Fail(err)
	}
	s.life.Settle(promise.Unit{}, nil)
}
