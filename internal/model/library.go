// SPDX-License-Identifier: MIT

package model

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

type (
	text = *promise.Promise[string]
	unit = promise.Unit
)

// library is package promise, on loops driven by hand. In a storm the loops run, and everything here is called from many goroutines.
type library struct {
	run     *run
	loops   []*promisetest.Loop
	turning int // the loop that is turned
	closed  []bool
	picked  map[int]string // what combinators that may pick had when they were made
	storm   bool

	mu        sync.Mutex
	texts     map[int]text
	raws      map[int]raw
	resolvers map[int]*promise.Resolver[string]
	ctxs      map[int]context.Context
	cancels   map[int]context.CancelFunc
	dones     map[int]<-chan struct{}
}

// raw is a promise of any type.
type raw struct {
	promise.Awaitable
	cancel   func(error)
	onCancel func(func())
	read     func() string
}

func newLibrary(p Program) *library {
	w := &library{
		run: newRun(p), turning: none, closed: make([]bool, p.Loops), picked: map[int]string{},
		texts: map[int]text{}, raws: map[int]raw{}, resolvers: map[int]*promise.Resolver[string]{},
		ctxs: map[int]context.Context{}, cancels: map[int]context.CancelFunc{}, dones: map[int]<-chan struct{}{},
	}
	w.run.w = w
	for i := range p.Loops {
		l := promisetest.New()
		l.Queue().SetHandler(func(err error) {
			if unhandled := new(promise.UnhandledError); !errors.As(err, &unhandled) { // these depend on the collector
				w.run.report(i, errorOf(err))
			}
		})
		w.loops = append(w.loops, l)
	}
	return w
}

func (w *library) loop() int { return w.turning }

func (w *library) has(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.texts[n] != nil
}

func (w *library) hasContext(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ctxs[n] != nil
}

func (w *library) text(n int) text {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.texts[n]
}

func (w *library) raw(n int) raw {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.raws[n]
}

// about is what a step is about first.
func (w *library) about(s Step) raw {
	if s.Raw {
		return w.raw(s.P[0])
	}
	return rawOf(w, w.text(s.P[0]), sameText)
}

func sameText(v string) string { return v }

func rawOf[T any](w *library, p *promise.Promise[T], render func(T) string) raw {
	return raw{p, p.CancelCause, p.OnCancel, func() string { return outcomeOf(p, render) }}
}

func outcomeOf[T any](p *promise.Promise[T], render func(T) string) string {
	v, err, settled := p.Poll()
	switch {
	case !settled:
		return isPending
	case err != nil:
		return rejectedText(errorOf(err))
	}
	return fulfilledText(render(v))
}

// keep keeps what step n made, and makes a text of it.
func keep[T any](w *library, n int, p *promise.Promise[T], render func(T) string) {
	t, isText := any(p).(text)
	r := rawOf(w, p, render)
	if !isText {
		t = promise.Map(p, func(v T) (string, error) { return render(v), nil })
	}
	w.mu.Lock()
	w.texts[n], w.raws[n] = t, r
	w.mu.Unlock()
}

func keepText(w *library, n int, p text) { keep(w, n, p, sameText) }

func (w *library) read(n int) string {
	w.mu.Lock()
	t, r, d := w.texts[n], w.raws[n], w.dones[n]
	w.mu.Unlock()
	switch {
	case t != nil && r.Awaitable != promise.Awaitable(t):
		return outcomeOf(t, sameText) + ", raw " + r.read()
	case t != nil:
		return outcomeOf(t, sameText)
	case d != nil:
		select {
		case <-d:
			return "closed"
		default:
			return "open"
		}
	}
	return ""
}

// turned runs f, which turns loop l.
func (w *library) turned(l int, f func()) {
	if !w.closed[l] {
		w.turning = l
		f()
		w.turning = none
	}
}

func (w *library) post(l int, f func()) { _ = w.loops[l].Queue().Post(f) }
func (w *library) turn(l int)           { w.turned(l, func() { w.loops[l].Turn() }) }
func (w *library) flush(l int)          { w.turned(l, w.loops[l].Flush) }
func (w *library) advance(l, d int)     { w.turned(l, func() { w.loops[l].Advance(duration(d)) }) }

func (w *library) closeLoop(l int) {
	w.turned(l, func() { w.loops[l].Close() })
	w.closed[l] = true
}

func (w *library) end() {
	w.run.silent.Store(true)
	for l := range w.loops {
		w.closeLoop(l)
	}
}

func duration(d int) time.Duration { return time.Duration(d) * time.Millisecond }

// ctx is the context that a step starts something under.
func (w *library) ctx(s Step) context.Context {
	if s.Ctx == none {
		return w.loops[s.Loop].Context()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ctxs[s.Ctx]
}

// outcome is a value or an error, of the library.
type outcome struct {
	v   string
	err error
}

func gotten(v string, err error) got {
	if err != nil {
		return got{rejectedText(errorOf(err)), outcome{"", err}}
	}
	return got{fulfilledText(v), outcome{v, nil}}
}

func (w *library) await(n int, s Step) string {
	return w.run.awaited(n, w.waitFor(w.awaitCtx(s), s))
}

func (w *library) waitFor(ctx context.Context, s Step) got {
	if s.Raw {
		return gotten(isNothing, w.raw(s.P[0]).Wait(ctx))
	}
	return gotten(w.text(s.P[0]).Await(ctx))
}

var endedCtx = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// awaitCtx is what an Await is under. Off the loop it is one that has ended: nobody turns the loop meanwhile.
func (w *library) awaitCtx(s Step) context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	var own context.Context
	if s.Inside != none && w.run.p.Steps[s.Inside].Op == Task {
		own = w.ctxs[s.Inside]
	}
	switch {
	case own == nil && w.storm:
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Microsecond)
		context.AfterFunc(ctx, cancel)
		return ctx
	case w.turning == none && !w.storm || s.Under == underEnded:
		return endedCtx
	case own == nil:
		return context.Background()
	case s.Under == underNone:
		return context.WithoutCancel(own)
	case s.Ctx != none:
		return w.ctxs[s.Ctx]
	}
	return own
}

// result is what a callback of step n that ends so returns.
func (w *library) result(n int, end End) (string, error) {
	switch end {
	case EndSame:
		is := w.run.gotBy(n).is.(outcome)
		return is.v, is.err
	case EndError:
		return "", errors.New(errorText(n))
	case EndCanceled:
		return "", promise.ErrCanceled
	case EndPanic:
		panic(panicText(n))
	case EndGoexit:
		runtime.Goexit()
	}
	return valueText(n), nil
}

// next is the promise that a callback of step n that ends so returns.
func (w *library) next(n int, end End) text {
	switch end {
	case EndNil:
		return nil
	case EndPromise:
		if p := w.text(w.run.p.Steps[n].Ret); p != nil {
			return p
		}
	}
	return promise.From(w.result(n, end))
}

// errorOf is err in the words of the model.
func errorOf(err error) string {
	switch err {
	case promise.ErrCanceled:
		return wasCanceled
	case context.Canceled:
		return wasStdCanceled
	case promise.ErrTimeout:
		return wasTimeout
	case promise.ErrLoopClosed:
		return wasClosed
	case promise.ErrGoexit:
		return wasGoexit
	}
	switch e := err.(type) { //nolint:errorlint // it walks the tree
	case *promise.PanicError:
		return e.Value.(string)
	case interface{ Unwrap() []error }:
		var texts []string
		for _, one := range e.Unwrap() {
			texts = append(texts, errorOf(one))
		}
		return joinText(texts)
	}
	switch {
	case errors.Is(err, promise.ErrWouldDeadlock):
		return wasDeadlock
	case errors.Is(err, promise.ErrCanceled):
		return canceledBy(errorOf(errors.Unwrap(err)))
	case strings.Contains(err.Error(), "returned a nil promise"):
		return wasNil
	}
	return err.Error()
}
