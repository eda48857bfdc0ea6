// SPDX-License-Identifier: MIT

package algebra

import "fmt"

// World is what a program runs on: the library, or the model of it. Promises are known by their number; each operation that makes
// one gives it the next number.
type World interface {
	Len() int
	New()
	Settle(i int, v string, err error)
	Cancel(i int, cause error)
	OnSettle(i int, f func(v string, err error))
	OnCancel(i int, f func())
	Map(i int, f func(v string) (string, error))
	Then(i int, ok func(v string) reply, fail func(err error) reply) // a nil function hands the outcome on
	Finally(i int, f func() reply)
	Shield(op Op, i int)
	Combine(op Op, is []int)
	Constant(v string, err error)
	Pause()
	Turn()
	Outcome(i int) string
}

// reply is the promise that a callback returns: a settled one, or one that is there.
type reply struct {
	v     string
	err   error
	inner int // its number; none: settled
}

const none = -1

// run is a program on a world.
type run struct {
	w   World
	log []string // what the callbacks said, in order
	ids int      // callbacks made

	// early has a callback return only promises that were there when it was attached, and be silent. What becomes of the promises
	// does not depend on the order of callbacks then.
	early bool
}

// step does one step of the program. It is called on the loop.
func (r *run) step(s Step) {
	w := r.w
	n := w.Len()
	if n == 0 {
		w.New()
		n = 1
	}
	a := int(s.A) % n
	switch {
	case s.Op == New:
		w.New()
	case s.Op == Resolve:
		w.Settle(a, fmt.Sprintf("v%d", a), nil)
	case s.Op == Reject:
		w.Settle(a, "", errStep)
	case s.Op == Cancel:
		w.Cancel(a, nil)
	case s.Op == CancelCause:
		w.Cancel(a, errStep)
	case s.Op == OnSettle:
		r.listen(a)
	case s.Op == OnCancel:
		id := r.id()
		w.OnCancel(a, func() { r.say(id, "was cancelled") })
	case s.Op == Resolved:
		w.Constant("constant", nil)
	case s.Op == Rejected:
		w.Constant("", errStep)
	case s.Op == Pause:
		w.Pause()
	case s.Op >= Protected && s.Op <= Cancelable:
		w.Shield(s.Op, a)
	case s.Op >= All && s.Op <= ChooseSplit:
		is := s.members()
		for k := range is {
			is[k] %= n
		}
		w.Combine(s.Op, is)
	default:
		r.chain(s, a)
	}
}

// chain attaches a callback that makes a promise.
func (r *run) chain(s Step, a int) {
	id := r.id()
	text := func(v string, err error) (string, error) {
		r.say(id, v+errorText(err))
		return r.act(s, id)
	}
	there := r.w.Len()
	promise := func(v string, err error) reply {
		out, err := text(v, err)
		if s.deed() != inner {
			return reply{out, err, none}
		}
		if !r.early {
			there = r.w.Len()
		}
		return reply{inner: int(s.C) % there}
	}
	ok := func(v string) reply { return promise(v, nil) }
	fail := func(err error) reply { return promise("", err) }
	switch s.Op {
	case Map:
		r.w.Map(a, func(v string) (string, error) { return text(v, nil) })
	case Bind:
		r.w.Then(a, ok, nil)
	case Then:
		r.w.Then(a, ok, fail)
	case Catch:
		r.w.Then(a, nil, fail)
	case Finally:
		r.w.Finally(a, func() reply { return promise("finally", nil) })
	}
}

// act is what the callback with the given id does.
func (r *run) act(s Step, id int) (string, error) {
	c := int(s.C) % r.w.Len()
	switch s.deed() {
	case fail:
		if r.early {
			return "", errStep
		}
		return "", fmt.Errorf("%w by %d", errStep, id)
	case panics:
		panic(fmt.Sprint("panic of ", id))
	case resolves:
		r.w.Settle(c, fmt.Sprint("by ", id), nil)
	case rejects:
		r.w.Settle(c, "", fmt.Errorf("%w from %d", errStep, id))
	case cancels:
		r.w.Cancel(c, nil)
	case listens:
		r.listen(c)
	}
	return fmt.Sprint("of ", id), nil
}

func (r *run) listen(i int) {
	id := r.id()
	r.w.OnSettle(i, func(v string, err error) { r.say(id, v+errorText(err)) })
}

func (r *run) id() int {
	r.ids++
	return r.ids
}

func (r *run) say(id int, text string) { r.log = append(r.log, fmt.Sprintf("%d: %s", id, text)) }
