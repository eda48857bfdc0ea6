// SPDX-License-Identifier: MIT

package model

import (
	"context"
	"errors"
	"fmt"

	"github.com/weft-go/weft/promise"
)

// do is the library's side of each operation.
func (w *library) do(n int, s Step) {
	switch {
	case s.Op >= All && s.Op <= ChooseSplit:
		w.combine(n, s)
	case s.Op >= Map && s.Op <= Finally:
		w.chain(n, s)
	case s.Op >= OnSettle && s.Op <= Done:
		w.observe(n, s)
	case s.Op >= Resolve && s.Op <= CancelCause:
		w.end1(n, s)
	case s.Op >= Task:
		w.scope(n, s)
	default:
		w.start(n, s)
	}
}

func slept(unit) string { return isNothing }

// start makes promises that are not derived by callbacks.
func (w *library) start(n int, s Step) {
	switch s.Op {
	case New:
		p, r := promise.New[string](w.ctx(s))
		w.mu.Lock()
		w.resolvers[n] = r
		w.mu.Unlock()
		keepText(w, n, p)
	case Sleep:
		keep(w, n, promise.Sleep(w.ctx(s), duration(s.D)), slept)
	case Pause:
		keep(w, n, promise.Pause(w.ctx(s)), slept)
	case Constant:
		keepText(w, n, promise.Resolved(valueText(n)))
	case ConstantError:
		p := promise.Rejected[string](errors.New(errorText(n)))
		_, _, _ = p.Poll() // nobody is to be told that nobody looks
		keepText(w, n, p)
	case Protected:
		keepText(w, n, w.text(s.P[0]).Protected())
	case NoCancel:
		keepText(w, n, w.text(s.P[0]).NoCancel())
	case Cancelable:
		keepText(w, n, w.text(s.P[0]).Cancelable())
	case WithContext:
		keepText(w, n, promise.WithContext(w.ctx(s), w.text(s.P[0])))
	case WithTimeout:
		keepText(w, n, promise.WithTimeout(w.ctx(s), duration(s.D), w.text(s.P[0])))
	}
}

// end1 ends one promise, or tries to.
func (w *library) end1(n int, s Step) {
	var first bool
	switch s.Op {
	case Cancel:
		w.about(s).cancel(nil)
		return
	case CancelCause:
		w.about(s).cancel(errors.New(errorText(n)))
		return
	case Resolve:
		first = w.resolver(s).Resolve(valueText(n))
	case Reject:
		first = w.resolver(s).Reject(errors.New(errorText(n)))
	case RejectCanceled:
		first = w.resolver(s).Reject(promise.ErrCanceled)
	}
	w.run.say(n, fmt.Sprint("settled: ", first))
}

func (w *library) resolver(s Step) *promise.Resolver[string] {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.resolvers[s.P[0]]
}

func (w *library) observe(n int, s Step) {
	switch s.Op {
	case OnSettle:
		w.text(s.P[0]).OnSettle(func(v string, err error) {
			if end := w.run.callback(n, gotten(v, err)); end == EndPanic || end == EndGoexit {
				_, _ = w.result(n, end)
			}
		})
	case OnCancel:
		w.about(s).onCancel(func() { w.run.callback(n, got{text: wasCanceled}) })
	case Done:
		d := w.text(s.P[0]).Done()
		w.mu.Lock()
		w.dones[n] = d
		w.mu.Unlock()
	}
}

func (w *library) chain(n int, s Step) {
	p := w.text(s.P[0])
	ok := func(v string) text { return w.next(n, w.run.callback(n, gotten(v, nil))) }
	fail := func(err error) text { return w.next(n, w.run.callback(n, gotten("", err))) }
	switch s.Op {
	case Map:
		keepText(w, n, promise.Map(p, func(v string) (string, error) { return w.result(n, w.run.callback(n, gotten(v, nil))) }))
	case Bind:
		keepText(w, n, promise.Bind(p, ok))
	case Then:
		keepText(w, n, promise.Then(p, ok, fail))
	case Catch:
		keepText(w, n, p.Catch(fail))
	case Finally:
		keepText(w, n, p.Finally(func() *promise.Promise[unit] {
			next := w.next(n, w.run.callback(n, gotten(isNothing, nil)))
			if next == nil {
				return nil
			}
			return promise.Map(next, func(string) (unit, error) { return unit{}, nil })
		}))
	}
}

// scope is tasks and contexts.
func (w *library) scope(n int, s Step) {
	switch s.Op {
	case Task:
		keepText(w, n, promise.Spawn(w.ctx(s), func(ctx context.Context) (string, error) {
			w.mu.Lock()
			w.ctxs[n] = ctx
			w.mu.Unlock()
			return w.result(n, w.run.callback(n, gotten("began", nil)))
		}))
	case Context:
		ctx, cancel := promise.ContextTimeout(w.ctx(s), duration(s.D))
		w.mu.Lock()
		w.ctxs[n], w.cancels[n] = ctx, cancel
		w.mu.Unlock()
	case EndContext:
		w.mu.Lock()
		cancel := w.cancels[s.Ctx]
		w.mu.Unlock()
		if cancel != nil { // a task's context has no such function
			cancel()
		}
	}
}

func (w *library) combine(n int, s Step) {
	ps := make([]text, len(s.P))
	for k, i := range s.P {
		ps[k] = w.text(i)
	}
	nothing := func(unit) string { return isNothing }
	switch s.Op {
	case All:
		keep(w, n, promise.All(ps...), listText)
	case Join:
		keep(w, n, promise.Join(ps...), nothing)
	case JoinMixed:
		mixed := make([]promise.Awaitable, len(ps))
		for k, i := range s.P {
			mixed[k] = ps[k]
			if s.Raw {
				mixed[k] = w.raw(i).Awaitable
			}
		}
		keep(w, n, promise.JoinMixed(mixed...), nothing)
	case Both:
		keep(w, n, promise.Both(ps[0], ps[1]), func(b promise.Pair[string, string]) string { return listText([]string{b.First, b.Second}) })
	case AllSettled:
		keep(w, n, promise.AllSettled(ps...), resultsText)
	case AllFailFast:
		keep(w, n, promise.AllFailFast(ps...), listText)
	case Any:
		keepText(w, n, promise.Any(ps...))
	case Choose:
		keepText(w, n, promise.Choose(ps...))
	case Pick:
		keepText(w, n, promise.Pick(ps...))
	case NChoose:
		keep(w, n, promise.NChoose(ps...), listText)
	case NPick:
		keep(w, n, promise.NPick(ps...), listText)
	case ChooseSplit:
		keep(w, n, promise.ChooseSplit(ps...), w.splitText)
	}
	if s.Op == Choose || s.Op == Pick {
		o := w.raw(n).read()
		w.mu.Lock()
		w.picked[n] = o
		w.mu.Unlock()
	}
}

func resultsText(rs []promise.Result[string]) string {
	var texts []string
	for _, r := range rs {
		texts = append(texts, gotten(r.Value, r.Err).text)
	}
	return listText(texts)
}

func (w *library) splitText(s promise.Split[string]) string {
	texts := s.Values[:len(s.Values):len(s.Values)]
	for _, p := range s.Pending {
		texts = append(texts, fmt.Sprintf("p%d", w.nameOf(p)))
	}
	return listText(texts)
}

// nameOf is the first step that has p.
func (w *library) nameOf(p text) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n := range w.run.p.Steps {
		if w.texts[n] == p {
			return n
		}
	}
	return none
}
