// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

func TestDerivedPromisesFollowTheirInput(t *testing.T) {
	fail := func(int) (int, error) { return 0, errTest }
	handled := func(err error) *promise.Promise[int] { return promise.Resolved(-1) }
	for name, c := range map[string]struct {
		derive              func(p *promise.Promise[int]) *promise.Promise[int]
		fulfilled, rejected any
	}{
		"map":            {func(p *promise.Promise[int]) *promise.Promise[int] { return promise.Map(p, double) }, 2, errTest},
		"map that fails": {func(p *promise.Promise[int]) *promise.Promise[int] { return promise.Map(p, fail) }, errTest, errTest},
		"bind":           {func(p *promise.Promise[int]) *promise.Promise[int] { return promise.Bind(p, doubled) }, 2, errTest},
		"catch":          {func(p *promise.Promise[int]) *promise.Promise[int] { return p.Catch(handled) }, 1, -1},
		"then":           {func(p *promise.Promise[int]) *promise.Promise[int] { return promise.Then(p, doubled, handled) }, 2, -1},
		"protected":      {(*promise.Promise[int]).Protected, 1, errTest},
		"no cancel":      {(*promise.Promise[int]).NoCancel, 1, errTest},
		"cancelable":     {(*promise.Promise[int]).Cancelable, 1, errTest},
		"bind to itself": {func(p *promise.Promise[int]) *promise.Promise[int] {
			return promise.Bind(p, func(int) *promise.Promise[int] { return p })
		}, 1, errTest},
		"finally": {func(p *promise.Promise[int]) *promise.Promise[int] {
			return p.Finally(func() *promise.Promise[unit] { return promise.Resolved(unit{}) })
		}, 1, errTest},
		"choose of one": {func(p *promise.Promise[int]) *promise.Promise[int] { return promise.Choose(p) }, 1, errTest},
		"with a context": {func(p *promise.Promise[int]) *promise.Promise[int] {
			return promise.WithContext(context.Background(), p)
		}, 1, errTest},
		"with a deadline": {func(p *promise.Promise[int]) *promise.Promise[int] { return promise.Pick(p, p) }, 1, errTest},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			p, r := pending(l)
			d := c.derive(p)
			assert.Equal(t, "pending", outcome(d))
			r.Resolve(1)
			l.Flush()
			assert.Equal(t, c.fulfilled, outcome(d))
			assert.Equal(t, c.fulfilled, flushed(l, c.derive(p)), "of a settled input")

			p, r = pending(l)
			d = c.derive(p)
			r.Reject(errTest)
			l.Flush()
			assert.Equal(t, c.rejected, outcome(d))
			assert.Equal(t, c.rejected, flushed(l, c.derive(p)), "of a settled input")
		})
	}
}

func flushed(l *promisetest.Loop, p *promise.Promise[int]) any {
	l.Flush()
	return outcome(p)
}

func TestErrorInThensOkDoesNotReachFail(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	d := promise.Then(p,
		func(int) *promise.Promise[int] { return promise.Rejected[int](errTest) },
		func(error) *promise.Promise[int] { return promise.Resolved(-1) })
	r.Resolve(1)
	assert.Equal(t, errTest, flushed(l, d))
}

func TestPanicsAndGoexitBecomeRejections(t *testing.T) {
	l := newLoop(t)
	for name, end := range map[string]func(){"panic": func() { panic(errTest) }, "goexit": runtime.Goexit} {
		p, r := pending(l)
		ds := []*promise.Promise[int]{
			promise.Map(p, func(int) (int, error) { end(); return 0, nil }),
			promise.Bind(p, func(int) *promise.Promise[int] { end(); return nil }),
			promise.Map(promise.Map(p, func(int) (int, error) { end(); return 0, nil }), double),
		}
		r.Resolve(1)
		l.Flush()
		for _, d := range ds {
			err, _ := outcome(d).(error)
			if name == "goexit" {
				assert.Equal(t, promise.ErrGoexit, err)
				continue
			}
			var perr *promise.PanicError
			require.ErrorAs(t, err, &perr)
			assert.ErrorIs(t, err, errTest, "the value of the panic")
			assert.Contains(t, string(perr.Stack), "bind_test.go", "the stack of the panic")
		}
	}
	ran := false
	require.NoError(t, l.Queue().Post(func() { ran = true }))
	l.Flush()
	assert.True(t, ran, "the loop lives on")
}

func TestNilPromiseFromACallbackIsAnError(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	d := promise.Bind(p, func(int) *promise.Promise[int] { return nil })
	r.Resolve(1)
	assert.ErrorContains(t, flushed(l, d).(error), "promise.Resolved")
	assert.ErrorContains(t, outcome(promise.Bind(promise.Resolved(1), func(int) *promise.Promise[int] { return nil })).(error), "nil promise")
}

func TestBindsResultIsItsInnerPromise(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	inner, ir := pending(l)
	d := promise.Bind(p, func(int) *promise.Promise[int] { return inner })
	var seen any
	inner.OnSettle(func(int, error) { seen = outcome(d) })
	r.Resolve(1)
	l.Flush()
	ir.Resolve(7)
	assert.Equal(t, 7, outcome(d), "settled in the same moment")
	l.Flush()
	assert.Equal(t, 7, seen)
}

func TestPromiseThatWaitsForItselfStaysPending(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	var d *promise.Promise[int]
	d = promise.Bind(p, func(int) *promise.Promise[int] { return d })
	r.Resolve(1)
	assert.Equal(t, "pending", flushed(l, d))
	d.Cancel()
	assert.Equal(t, "pending", flushed(l, d))
}

func TestFinallyRunsOnceWaitsAndRestores(t *testing.T) {
	l := newLoop(t)
	for name, c := range map[string]struct {
		settle  func(p *promise.Promise[int], r *promise.Resolver[int])
		cleanup error
		want    []error
	}{
		"fulfilled":           {func(_ *promise.Promise[int], r *promise.Resolver[int]) { r.Resolve(1) }, nil, nil},
		"rejected":            {func(_ *promise.Promise[int], r *promise.Resolver[int]) { r.Reject(errTest) }, nil, []error{errTest}},
		"cancelled":           {func(p *promise.Promise[int], _ *promise.Resolver[int]) { p.Cancel() }, nil, []error{context.Canceled}},
		"cleanup fails":       {func(_ *promise.Promise[int], r *promise.Resolver[int]) { r.Resolve(1) }, errors.ErrUnsupported, []error{errors.ErrUnsupported}},
		"both fail, together": {func(_ *promise.Promise[int], r *promise.Resolver[int]) { r.Reject(errTest) }, errors.ErrUnsupported, []error{errTest, errors.ErrUnsupported}},
	} {
		p, r := pending(l)
		done, dr := promise.New[unit](l.Context())
		runs := 0
		d := p.Finally(func() *promise.Promise[unit] { runs++; return done })
		c.settle(p, r)
		l.Flush()
		assert.Equal(t, "pending", outcome(d), name)
		dr.Settle(unit{}, c.cleanup)
		l.Flush()
		assert.Equal(t, 1, runs, name)
		if c.want == nil {
			assert.Equal(t, 1, outcome(d), name)
		}
		for _, want := range c.want {
			assert.ErrorIs(t, outcome(d).(error), want, name)
		}
	}
}

func TestFinallyCleansUpWhenItsResultWasCancelledTooLate(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	runs := 0
	d := p.Finally(func() *promise.Promise[unit] { runs++; return promise.Resolved(unit{}) })
	r.Resolve(1)
	d.Cancel() // p has settled, and its callback waits on the queue
	assert.Equal(t, 1, flushed(l, d))
	assert.Equal(t, 1, runs)
}

func TestMillionLinksNeedNoStack(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(256 << 10))
	const links = 10 * many
	for name, link := range map[string]func(p *promise.Promise[int]) *promise.Promise[int]{
		"map": func(p *promise.Promise[int]) *promise.Promise[int] {
			return promise.Map(p, func(v int) (int, error) { return v + 1, nil })
		},
		"bind": func(p *promise.Promise[int]) *promise.Promise[int] {
			return promise.Bind(p, func(v int) *promise.Promise[int] { return promise.Resolved(v + 1) })
		},
	} {
		l := newLoop(t)
		p, r := pending(l)
		d := p
		for range links {
			d = link(d)
		}
		r.Resolve(0)
		assert.Equal(t, links, flushed(l, d), name)

		p, _ = pending(l)
		d = p
		middle := d
		for i := range links {
			if d = link(d); i == links/2 {
				middle = d
			}
		}
		middle.Cancel()
		assert.ErrorIs(t, flushed(l, d).(error), promise.ErrCanceled, name)
		assert.ErrorIs(t, outcome(p).(error), promise.ErrCanceled, name)
	}
}

func TestEndlessBindLoopIsFlat(t *testing.T) {
	l := newLoop(t)
	var loop func(n int) *promise.Promise[int]
	loop = func(n int) *promise.Promise[int] {
		if n == 0 {
			return promise.Resolved(42)
		}
		return promise.Bind(promise.Pause(l.Context()), func(unit) *promise.Promise[int] { return loop(n - 1) })
	}
	d := loop(2 * many)
	before := heap()
	for range many {
		l.Turn()
	}
	assert.Less(t, heap(), before+1<<20)
	assert.Equal(t, 42, flushed(l, d))
}

// heap returns the bytes that are live.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
