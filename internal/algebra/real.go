// SPDX-License-Identifier: MIT

package algebra

import (
	"context"
	"fmt"
	"strings"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

type text = *promise.Promise[string]

// real is the library, on loops driven by hand. Its operations are called on one of them.
type real struct {
	loops     []*promisetest.Loop // promises with a resolver live on one after the other
	promises  []text
	resolvers map[int]*promise.Resolver[string]
}

func newReal(loops int, seed uint64) *real {
	w := &real{resolvers: map[int]*promise.Resolver[string]{}}
	for range loops {
		l := promisetest.New()
		l.Queue().Seed(seed)
		l.Queue().SetHandler(func(error) {})
		w.loops = append(w.loops, l)
	}
	return w
}

// ctx is that of the loop for the next promise.
func (w *real) ctx() context.Context { return w.loops[len(w.promises)%len(w.loops)].Context() }

func (w *real) Turn() {
	for _, l := range w.loops {
		l.Turn()
	}
}

func (w *real) close() {
	for _, l := range w.loops {
		l.Close()
	}
}

// on runs f in a turn of a loop.
func (w *real) on(loop int, f func()) {
	l := w.loops[loop%len(w.loops)]
	if err := l.Queue().Post(f); err != nil {
		panic(err)
	}
	l.Turn()
}

func (w *real) add(p text)                            { w.promises = append(w.promises, p) }
func (w *real) Len() int                              { return len(w.promises) }
func (w *real) Outcome(i int) string                  { return outcomeOf(w.promises[i]) }
func (w *real) Cancel(i int, c error)                 { w.promises[i].CancelCause(c) }
func (w *real) OnCancel(i int, f func())              { w.promises[i].OnCancel(f) }
func (w *real) OnSettle(i int, f func(string, error)) { w.promises[i].OnSettle(f) }

func (w *real) New() {
	p, r := promise.New[string](w.ctx())
	w.resolvers[len(w.promises)] = r
	w.add(p)
}

func (w *real) Settle(i int, v string, err error) {
	if r := w.resolvers[i]; r != nil {
		r.Settle(v, err)
	}
}

func (w *real) Map(i int, f func(string) (string, error)) { w.add(promise.Map(w.promises[i], f)) }

func (w *real) reply(r reply) text {
	if r.inner != none {
		return w.promises[r.inner]
	}
	return promise.From(r.v, r.err)
}

func (w *real) Then(i int, ok func(string) reply, fail func(error) reply) {
	onValue := func(v string) text { return w.reply(ok(v)) }
	onError := func(err error) text { return w.reply(fail(err)) }
	switch {
	case fail == nil:
		w.add(promise.Bind(w.promises[i], onValue))
	case ok == nil:
		w.add(w.promises[i].Catch(onError))
	default:
		w.add(promise.Then(w.promises[i], onValue, onError))
	}
}

func (w *real) Finally(i int, f func() reply) {
	w.add(w.promises[i].Finally(func() *promise.Promise[promise.Unit] {
		return promise.Then(w.reply(f()),
			func(string) *promise.Promise[promise.Unit] { return promise.Resolved(promise.Unit{}) },
			func(error) *promise.Promise[promise.Unit] { return promise.Rejected[promise.Unit](errCleanup) })
	}))
}

func (w *real) Shield(op Op, i int) { w.add(shield(op, w.promises[i])) }

func shield(op Op, p text) text {
	switch op {
	case Protected:
		return p.Protected()
	case NoCancel:
		return p.NoCancel()
	}
	return p.Cancelable()
}

func (w *real) Constant(v string, err error) { w.add(promise.From(v, err)) }

func (w *real) Pause() {
	w.add(promise.Map(promise.Pause(w.ctx()), func(promise.Unit) (string, error) { return "paused", nil }))
}

func (w *real) Combine(op Op, is []int) {
	ps := make([]text, len(is))
	for k, i := range is {
		ps[k] = w.promises[i]
	}
	w.add(combine(op, ps))
}

// combine calls a combinator; what is not a text is mapped to one.
func combine(op Op, ps []text) text {
	list := func(p *promise.Promise[[]string]) text { return promise.Map(p, joinTexts) }
	switch op {
	case All:
		return list(promise.All(ps...))
	case Join:
		return promise.Map(promise.Join(ps...), func(promise.Unit) (string, error) { return "joined", nil })
	case Both:
		return promise.Map(promise.Both(ps[0], ps[1]), func(p promise.Pair[string, string]) (string, error) {
			return joinTexts([]string{p.First, p.Second})
		})
	case AllSettled:
		return promise.Map(promise.AllSettled(ps...), func(rs []promise.Result[string]) (string, error) {
			texts := make([]string, len(rs))
			for i, r := range rs {
				texts[i] = r.Value + errorText(r.Err)
			}
			return joinTexts(texts)
		})
	case AllFailFast:
		return list(promise.AllFailFast(ps...))
	case Any:
		return promise.Any(ps...).Catch(func(err error) text { return promise.Rejected[string](shorten(err)) })
	case Choose:
		return promise.Choose(ps...)
	case Pick:
		return promise.Pick(ps...)
	case NChoose:
		return list(promise.NChoose(ps...))
	case NPick:
		return list(promise.NPick(ps...))
	}
	return promise.Map(promise.ChooseSplit(ps...), func(s promise.Split[string]) (string, error) {
		values, _ := joinTexts(s.Values)
		return fmt.Sprint(values, " and ", len(s.Pending)), nil
	})
}

// joinTexts puts the values of a combinator into one, but not more than fits a line: programs nest them without end.
func joinTexts(vs []string) (string, error) {
	text := strings.Join(vs, "+")
	return text[:min(len(text), 100)], nil
}

// shorten is joinTexts for the errors of Any.
func shorten(err error) error {
	if len(errorText(err)) > 300 {
		return errStep
	}
	return err
}

func outcomeOf(p text) string {
	v, err, settled := p.Poll()
	switch {
	case !settled:
		return "pending"
	case err != nil:
		return errorText(err)
	}
	return v
}

// errorText is what both worlds say of an error: of panics in it the values, without the stacks.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	eachPanic(err, func(p *promise.PanicError) { text = strings.ReplaceAll(text, p.Error(), fmt.Sprint(p.Value)) })
	return text
}

func eachPanic(err error, f func(*promise.PanicError)) {
	switch e := err.(type) { //nolint:errorlint // it walks the tree that errors.As would
	case *promise.PanicError:
		f(e)
	case interface{ Unwrap() []error }:
		for _, one := range e.Unwrap() {
			eachPanic(one, f)
		}
	case interface{ Unwrap() error }:
		eachPanic(e.Unwrap(), f)
	}
}
