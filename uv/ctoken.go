// SPDX-License-Identifier: MIT

package uv

/*
#include <stdlib.h>
#include "../csrc/src/engine.h"

#cgo noescape weft_token_new
#cgo nocallback weft_token_new
#cgo noescape weft_token_count
#cgo nocallback weft_token_count
*/
import "C"

import (
	"cmp"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unsafe"
)

// Token is what C code on any thread settles a promise or feeds a stream with: a weft_token of weft.h. It may be kept for longer
// than its loop; C is told by a code that it is too late.
type Token uint64

// CType is the type of the values that a token takes.
type CType int

// The types of weft_resolve_i, _p and _b.
const (
	IntFromC     CType = C.WEFT_TYPE_INT
	PointerFromC CType = C.WEFT_TYPE_POINTER
	BytesFromC   CType = C.WEFT_TYPE_BYTES

	promiseForC CType = C.WEFT_TYPE_PROMISE
)

// String returns the type's name.
func (t CType) String() string {
	return [...]string{"none", "int", "pointer", "bytes", "error", "end", "promise"}[t]
}

// The codes that weft.h adds to libuv's: what C is told, and what a token's Completer may be.
const (
	TokenFull     Errno = C.WEFT_FULL      // the stream has no room
	TokenAlready  Errno = C.WEFT_EALREADY  // it was settled before
	TokenCanceled Errno = C.WEFT_ECANCELED // CancelToken was called
	TokenClosed   Errno = C.WEFT_ECLOSED   // the loop is closed
	TokenStale    Errno = C.WEFT_ESTALE    // there is no such token, or has not been for long
	TokenForeign  Errno = C.WEFT_EFOREIGN  // another copy of weft in this process made it
	TokenType     Errno = C.WEFT_ETYPE     // it takes another type
	NotHeld       Errno = C.WEFT_ENOTHELD  // the loop was released more often than held
	NotAdopted    Errno = C.WEFT_EOWNED    // weft_detach: Go runs the loop
	OtherThread   Errno = C.WEFT_ETHREAD   // another thread runs the loop
	CannotAdopt   Errno = C.WEFT_EADOPT    // the text says why
	NoAdopter     Errno = C.WEFT_ENOGO     // SetAdopter was not called
)

// cTokens are a loop's open tokens, and the promises that it has given to C. It is safe from any goroutine.
type cTokens struct {
	mu   sync.Mutex
	open map[Token]cToken
}

type cToken struct {
	c      Completer // nil: a promise for C
	typ    CType
	stream bool
	made   *origin
}

func (t *cTokens) add(token Token, c cToken) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.open == nil {
		t.open = map[Token]cToken{}
	}
	t.open[token] = c
}

// take returns the Completer of an event, nil for a token that is not open; a last event ends it.
func (t *cTokens) take(token Token, typ CType) Completer {
	t.mu.Lock()
	defer t.mu.Unlock()
	c, ok := t.open[token]
	if ok && (!c.stream || typ > BytesFromC) {
		delete(t.open, token)
	}
	return c.c
}

func (t *cTokens) remove(token Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.open, token)
}

func (t *cTokens) removeAll() []cToken {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := slices.Collect(maps.Values(t.open))
	t.open = nil
	return left
}

func (t *cTokens) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.open)
}

// NewToken returns a token for C code, which may settle it once with a value of this type, or an error; c is told. It does not
// keep Run from returning. Safe from any goroutine, ErrClosed on a closed loop.
func (l *Loop) NewToken(t CType, c Completer) (Token, error) {
	return l.newToken(0, cToken{c: c, typ: t, made: here()})
}

// NewStreamToken returns a token for C code that takes any number of values, until their end or an error: as long as no more than
// room of them are there that StreamRead has not been told of. Safe from any goroutine, ErrClosed on a closed loop.
func (l *Loop) NewStreamToken(t CType, room int, c Completer) (Token, error) {
	if room <= 0 {
		return 0, EINVAL
	}
	return l.newToken(room, cToken{c: c, typ: t, stream: true, made: here()})
}

func (l *Loop) newToken(room int, c cToken) (Token, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shared == nil {
		return 0, ErrClosed
	}
	t := Token(C.weft_token_new(l.ptr, C.int(c.typ), C.uint32_t(room)))
	if t == 0 {
		return 0, ErrClosed
	}
	l.tokens.add(t, c)
	return t, nil
}

// DeadToken returns a token that has ended when it is made: C is told this code. Safe from any goroutine.
func DeadToken(code Errno) Token { return Token(C.weft_token_dead(C.int(code))) }

// CancelToken has C told that the value is of no use any more, which its callback of weft_token_on_cancel hears of here; the
// Completer is not told. Loop goroutine only.
func (l *Loop) CancelToken(t Token) {
	l.tokens.remove(t)
	C.weft_token_cancel(C.uint64_t(t))
}

// IsEnd reports whether the event of a token is a rejection of C's, or the end of a stream, with Status 0 a plain one.
func (ev Event) IsEnd() bool {
	return ev.kind == C.WEFT_VALUE && (ev.aux == C.WEFT_TYPE_END || ev.aux == C.WEFT_TYPE_ERROR)
}

// StreamRead says that n values of a stream were read: there is room for as many more, which a callback of
// weft_stream_on_room may hear of here. Loop goroutine only.
func (l *Loop) StreamRead(t Token, n int) { C.weft_stream_read(C.uint64_t(t), C.uint32_t(n)) }

// CPromise is a promise that C code may wait for: a weft_promise of weft.h.
type CPromise uint64

// NewCPromise returns a promise that C may wait for, once. Safe from any goroutine, ErrClosed on a closed loop.
func (l *Loop) NewCPromise() (CPromise, error) {
	t, err := l.newToken(0, cToken{typ: promiseForC, made: here()})
	return CPromise(t), err
}

// SettleCPromise tells the C code that waits, or will wait: the code status when that is negative, with data as its text; else
// data when it is not nil, and value when it is. Loop goroutine only.
func (l *Loop) SettleCPromise(p CPromise, status Errno, value int64, data []byte) {
	var at unsafe.Pointer
	if data != nil {
		at = C.CBytes(data) // a callback in C may hold on to Go's stack for long
		defer C.free(at)
	}
	if C.weft_promise_settle(C.uint64_t(p), C.int(status), C.int64_t(value), at, C.size_t(len(data))) != 0 {
		l.tokens.remove(Token(p))
	}
}

// CLoop returns the weft_loop * of weft.h, nil once the loop is closed. Safe from any goroutine.
func (l *Loop) CLoop() unsafe.Pointer {
	l.mu.Lock()
	defer l.mu.Unlock()
	return unsafe.Pointer(l.shared)
}

// drainValue calls the Completer of a record that C code has made by a token.
func (l *Loop) drainValue(r C.weft_record) {
	if r.token == 0 {
		if l.OnRelease != nil {
			l.OnRelease()
		}
		return
	}
	item := (*C.weft_item)(r.data)
	c := l.tokens.take(Token(r.token), CType(r.aux))
	if c == nil {
		if item != nil {
			C.weft_item_drop(item)
		}
		return
	}
	ev := Event{Status: Errno(r.status), Value: int64(r.value), kind: C.WEFT_VALUE, aux: int16(r.aux)}
	if item == nil {
		c.Complete(ev)
		return
	}
	if CType(r.aux) == PointerFromC {
		ev.raw = r.data
		c.Complete(ev)
		return
	}
	defer C.weft_item_free(item)
	ev.Data = unsafe.Slice((*byte)(item.data), int(r.value))
	c.Complete(ev)
}

// CloseInbox ends what other threads may send to the loop: what came before is delivered, the Completers of tokens that are
// open are told TokenClosed, and so is whoever uses them from now on. Loop goroutine only, not from a Completer. Close does that too.
func (l *Loop) CloseInbox() {
	if l.shared == nil {
		return
	}
	C.weft_inbox_close(l.ptr)
	l.drain()
	l.mu.Lock() // newToken is through, or gets no token any more
	left := l.tokens.removeAll()
	l.mu.Unlock()
	for _, t := range left {
		if t.c != nil {
			t.c.Complete(Event{Status: TokenClosed})
		}
	}
}

// TokenInfo describes a token that C has not settled, or a promise that C has not waited for.
type TokenInfo struct {
	Token  Token
	Type   CType
	Stream bool
	Made   string // the Go stack that made it, in debug mode (SetDebug), innermost call first, a line each
}

// String returns one line, and another for each call of Made.
func (i TokenInfo) String() string {
	what := "token"
	if i.Stream {
		what = "stream token"
	}
	line := fmt.Sprintf("%s %v %#x", what, i.Type, uint64(i.Token))
	if i.Made != "" {
		line += "\n\t" + strings.ReplaceAll(i.Made, "\n", "\n\t")
	}
	return line
}

// Tokens returns the open tokens, those made first before others. Safe from any goroutine.
func (l *Loop) Tokens() []TokenInfo {
	l.tokens.mu.Lock()
	open := maps.Clone(l.tokens.open)
	l.tokens.mu.Unlock()
	infos := make([]TokenInfo, 0, len(open))
	for t, c := range open {
		infos = append(infos, TokenInfo{Token: t, Type: c.typ, Stream: c.stream, Made: c.made.String()})
	}
	slices.SortFunc(infos, func(a, b TokenInfo) int { return cmp.Compare(a.Token, b.Token) })
	return infos
}

// TokenCounts counts what has become of the tokens of the process.
type TokenCounts struct {
	Made     uint64
	Settled  uint64 // resolved, rejected, ended; promises: waited for
	Canceled uint64
	Closed   uint64 // open when their loop closed
	Refused  uint64 // what C code tried that got a code
}

// CountTokens returns the counts so far; what is open is Made without the next three. Safe from any goroutine.
func CountTokens() TokenCounts {
	var n C.weft_token_counts
	C.weft_token_count(&n)
	return TokenCounts{uint64(n.made), uint64(n.settled), uint64(n.cancelled), uint64(n.closed), uint64(n.refused)}
}

// Pointer is a pointer that C code has handed over, with the function that ends what it points to. It is dropped once: by Drop, or
// on some thread after the collector has found it lost.
type Pointer struct {
	owned *owned
	lost  runtime.Cleanup
}

// owned is what Drop and the collector share.
type owned struct {
	p    unsafe.Pointer
	drop *[0]byte
}

// TakePointer returns the pointer of an event of a PointerFromC token, whose Completer has to call this once; nil for other events.
func (ev Event) TakePointer() *Pointer {
	if CType(ev.aux) != PointerFromC || ev.Status != 0 {
		return nil
	}
	p := &Pointer{owned: &owned{}}
	if item := (*C.weft_item)(ev.raw); item != nil {
		p.owned.p, p.owned.drop = item.data, item.drop
		C.weft_item_free(item)
	}
	if p.owned.drop != nil {
		p.lost = runtime.AddCleanup(p, (*owned).end, p.owned)
	}
	return p
}

func (o *owned) end() {
	if drop := o.drop; drop != nil {
		o.drop = nil
		C.weft_drop(drop, o.p)
	}
}

// Get returns the pointer, nil after Drop. It is good until p is dropped, and p reachable: see runtime.KeepAlive.
func (p *Pointer) Get() unsafe.Pointer { return p.owned.p }

// Drop calls the destructor, on this thread. A second call does nothing. For one goroutine at a time.
func (p *Pointer) Drop() {
	p.lost.Stop()
	p.owned.end()
	p.owned.p = nil
}

// Release returns the pointer and leaves its end to the caller: the destructor will not be called. For one goroutine at a time.
func (p *Pointer) Release() unsafe.Pointer {
	p.lost.Stop()
	at := p.owned.p
	*p.owned = owned{}
	return at
}
