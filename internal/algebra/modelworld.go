// SPDX-License-Identifier: MIT

package algebra

import (
	"context"
	"errors"
	"fmt"
)

// The model's World.

func (m *model) add(c *cell) { m.cells = append(m.cells, c) }
func (m *model) Len() int    { return len(m.cells) }
func (m *model) Turn()       { m.turn() }

func (m *model) New() {
	m.opened[len(m.cells)] = true
	m.add(&cell{seek: func(*searching) found { return leaf }})
}

func (m *model) Settle(i int, v string, err error) {
	if m.opened[i] {
		m.settle(m.cells[i], v, err)
	}
}

func (m *model) Cancel(i int, cause error) { m.cancel(m.cells[i], cause) }

func (m *model) OnSettle(i int, f func(string, error)) {
	c := m.cells[i]
	m.attach(c, &callback{run: func() { f(c.value(), c.root().err) }})
}

func (m *model) OnCancel(i int, f func()) {
	c := m.cells[i]
	pending := c.pending()
	m.attach(c, &callback{onCancel: pending, run: func() {
		if pending || errors.Is(c.root().err, context.Canceled) {
			f()
		}
	}})
}

func (c *cell) value() string {
	if r := c.root(); r.err == nil {
		return fmt.Sprint(r.v)
	}
	return ""
}

func (m *model) Map(i int, f func(string) (string, error)) {
	m.add(m.mapped(m.cells[i], func(v any) (any, error) { return f(fmt.Sprint(v)) }))
}

func (m *model) reply(r reply) *cell {
	if r.inner != none {
		return m.cells[r.inner]
	}
	return &cell{settled: true, v: r.v, err: r.err}
}

func (m *model) Then(i int, ok func(string) reply, fail func(error) reply) {
	var onValue func(any) *cell
	var onError func(error) *cell
	if ok != nil {
		onValue = func(v any) *cell { return m.reply(ok(fmt.Sprint(v))) }
	}
	if fail != nil {
		onError = func(err error) *cell { return m.reply(fail(err)) }
	}
	m.add(m.bound(m.cells[i], onValue, onError))
}

// Finally waits for the promise of f in either case, and then has the first outcome, with the errors of both.
func (m *model) Finally(i int, f func() reply) {
	restore := func(v any, err error) *cell {
		cleanup := &cell{settled: true}
		if perr := catch(func() error {
			cleanup = m.bound(m.reply(f()),
				func(any) *cell { return &cell{settled: true} },
				func(error) *cell { return &cell{settled: true, err: errCleanup} })
			return nil
		}); perr != nil {
			cleanup.err = perr
		}
		return m.bound(cleanup,
			func(any) *cell { return &cell{settled: true, v: v, err: err} },
			func(cerr error) *cell { return &cell{settled: true, err: errors.Join(err, cerr)} })
	}
	m.add(m.bound(m.cells[i],
		func(v any) *cell { return restore(v, nil) },
		func(err error) *cell { return restore(nil, err) }))
}

func (m *model) Shield(op Op, i int) {
	in := m.cells[i]
	switch {
	case !in.pending():
		m.add(in)
		return
	case op == NoCancel:
		m.add(&cell{view: in})
		return
	}
	c := &cell{}
	cb := &callback{concludes: true, run: func() { m.settle(c, in.root().v, in.root().err) }}
	c.seek = func(s *searching) found {
		if op == Cancelable {
			s.into(in)
		}
		return leaf
	}
	c.over = func() { detach(cb) }
	m.attach(in, cb)
	m.add(c)
}

func (m *model) Constant(v string, err error) { m.add(&cell{settled: true, v: v, err: err}) }

func (m *model) Pause() {
	c := &cell{seek: func(*searching) found { return leaf }}
	m.pausers = append(m.pausers, &callback{run: func() { m.settle(c, nil, nil) }})
	m.add(m.mapped(c, func(any) (any, error) { return "paused", nil }))
}

func (m *model) Outcome(i int) string {
	r := m.cells[i].root()
	switch {
	case !r.settled:
		return "pending"
	case r.err != nil:
		return errorText(r.err)
	}
	return fmt.Sprint(r.v)
}

func never(error) bool         { return false }
func always(error) bool        { return true }
func rejected(err error) bool  { return err != nil }
func fulfilled(err error) bool { return err == nil }

func (m *model) Combine(op Op, is []int) {
	var ins []*cell
	for _, i := range is {
		ins = append(ins, m.cells[i])
	}
	if op == Both {
		ins = ins[:2]
	}
	c := m.group(ins, rules[op])
	switch op {
	case Choose, Pick:
	case Any:
		c = m.bound(c, nil, func(err error) *cell { return &cell{settled: true, err: shorten(err)} })
	default: // the library's value is a list or the like, which is mapped to a text
		c = m.mapped(c, func(v any) (any, error) { return v, nil })
	}
	m.add(c)
}

var rules = map[Op]rule{
	All:         {enough: never, result: values},
	Both:        {enough: never, result: values},
	Join:        {enough: never, result: func(_ []*cell, first error, _ *cell) (any, error) { return "joined", first }},
	AllSettled:  {enough: never, result: outcomes},
	AllFailFast: {enough: rejected, cancels: true, blames: true, result: values},
	Any:         {enough: fulfilled, result: anyOf},
	Choose:      {enough: always, result: one},
	Pick:        {enough: always, cancels: true, result: one},
	NChoose:     {enough: always, result: ready},
	NPick:       {enough: always, cancels: true, result: ready},
	ChooseSplit: {enough: always, result: split},
}

func values(ins []*cell, first error, _ *cell) (any, error) {
	if first != nil {
		return nil, first
	}
	return outcomes(ins, nil, nil)
}

func outcomes(ins []*cell, _ error, _ *cell) (any, error) {
	var texts []string
	for _, in := range ins {
		texts = append(texts, in.value()+errorText(in.root().err))
	}
	return joined(texts)
}

func anyOf(ins []*cell, _ error, last *cell) (any, error) {
	if last.root().err == nil {
		return last.root().v, nil
	}
	var errs []error
	for _, in := range ins {
		errs = append(errs, in.root().err)
	}
	return nil, errors.Join(errs...)
}

func one(_ []*cell, _ error, last *cell) (any, error) { return last.root().v, last.root().err }

func ready(ins []*cell, _ error, _ *cell) (any, error) {
	var texts []string
	for _, in := range ins {
		switch {
		case in.pending():
		case in.root().err != nil:
			return nil, in.root().err
		default:
			texts = append(texts, in.value())
		}
	}
	return joined(texts)
}

func split(ins []*cell, first error, last *cell) (any, error) {
	v, err := ready(ins, first, last)
	pending := 0
	for _, in := range ins {
		if in.pending() {
			pending++
		}
	}
	return fmt.Sprint(v, " and ", pending), err
}

func joined(texts []string) (any, error) { return joinTexts(texts) }
