// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
)

func TestResolverSettlesOnce(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	assert.Equal(t, promise.StatePending, p.State())
	assert.True(t, r.Resolve(1))
	assert.False(t, r.Resolve(2))
	assert.False(t, r.Reject(errTest))
	assert.False(t, r.Settle(3, nil))
	assert.Equal(t, 1, outcome(p))
	assert.Equal(t, promise.StateFulfilled, p.State())
}

func TestRejectedPromiseStaysRejected(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	assert.True(t, r.Settle(1, errTest))
	assert.False(t, r.Resolve(1))
	assert.Equal(t, errTest, outcome(p))
	assert.Equal(t, promise.StateRejected, p.State())
}

func TestSettledPromisesNeedNoLoop(t *testing.T) {
	assert.Equal(t, 1, outcome(promise.Resolved(1)))
	assert.Equal(t, errTest, outcome(promise.Rejected[int](errTest)))
	assert.Equal(t, 1, outcome(promise.From(1, nil)))
	assert.Equal(t, errTest, outcome(promise.From(1, errTest)))
}

func TestWithoutALoopTheErrorNamesTheRemedy(t *testing.T) {
	ctx := context.Background()
	p, r := promise.New[int](ctx)
	assert.ErrorIs(t, outcome(p).(error), promise.ErrNoLoop)
	assert.False(t, r.Resolve(1))
	for name, p := range map[string]*promise.Promise[unit]{
		"sleep":   promise.Sleep(ctx, time.Second),
		"pause":   promise.Pause(ctx),
		"go":      promise.Go(ctx, func(context.Context) error { return nil }),
		"offload": promise.Offload(ctx, func(context.Context) (unit, error) { return unit{}, nil }),
	} {
		err, _ := outcome(p).(error)
		require.ErrorIs(t, err, promise.ErrNoLoop, name)
		assert.ErrorContains(t, err, "weftio.Run", name)
	}
	tctx, cancel := promise.ContextTimeout(ctx, time.Second)
	defer cancel()
	assert.ErrorIs(t, context.Cause(tctx), promise.ErrNoLoop)
}

func TestMisusePanicsWithTheRemedy(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	var none context.Context
	var absent *promise.Promise[int]
	for remedy, f := range map[string]func(){
		"use Resolve":            func() { r.Reject(nil) },
		"use Resolved":           func() { promise.Rejected[int](nil) },
		"Map":                    func() { promise.Map[int, int](nil, double) },
		"Bind":                   func() { promise.Bind[int, int](p, nil) },
		"Then":                   func() { promise.Then(p, doubled, nil) },
		"Catch":                  func() { p.Catch(nil) },
		"Finally":                func() { p.Finally(nil) },
		"OnSettle":               func() { p.OnSettle(nil) },
		"OnCancel":               func() { p.OnCancel(nil) },
		"All":                    func() { promise.All(p, nil) },
		"pass at least one":      func() { promise.Choose[int]() },
		"Pick":                   func() { promise.Pick(p, nil) },
		"Spawn":                  func() { promise.Spawn[int](l.Context(), nil) },
		"Go":                     func() { promise.Go(l.Context(), nil) },
		"Offload":                func() { promise.Offload[int](l.Context(), nil) },
		"WithTimeout":            func() { promise.WithTimeout[int](l.Context(), 1, nil) },
		"WithContext":            func() { promise.WithContext[int](l.Context(), nil) },
		"Catch: the promise":     func() { absent.Catch(func(error) *promise.Promise[int] { return nil }) },
		"Finally: the promise":   func() { absent.Finally(func() *promise.Promise[unit] { return nil }) },
		"OnSettle: the promise":  func() { absent.OnSettle(func(int, error) {}) },
		"OnCancel: the promise":  func() { absent.OnCancel(func() {}) },
		"Cancel: the promise":    func() { absent.Cancel() },
		"Protected: the":         func() { absent.Protected() },
		"NoCancel: the":          func() { absent.NoCancel() },
		"Cancelable: the":        func() { absent.Cancelable() },
		"Await: the promise":     func() { _ = absent.Wait(l.Context()) },
		"Done: the promise":      func() { absent.Done() },
		"Poll: the promise":      func() { absent.Poll() },
		"State: the promise":     func() { absent.State() },
		"the function is nil":    func() { _ = l.Queue().Post(nil) },
		"context.Background()":   func() { l.Queue().Context(none) },
		"hands to its main func": func() { promise.Sleep(none, 1) },
		"hands to its main":      func() { _, _ = p.Await(none) },
		"hands to its":           func() { panic(l.Run(func(context.Context) error { return p.Wait(none) }).Error()) },
	} {
		func() {
			defer func() { assert.Contains(t, recover(), remedy) }()
			f()
		}()
	}
	p.Cancel()
}

func TestCallbacksAreDeferredAndFIFO(t *testing.T) {
	l := newLoop(t)
	var order []int
	note := func(i int) func(int, error) { return func(int, error) { order = append(order, i) } }
	p, pr := pending(l)
	q, qr := pending(l)
	p.OnSettle(note(1))
	q.OnSettle(note(4))
	p.OnSettle(func(int, error) {
		order = append(order, 2)
		p.OnSettle(note(5)) // Lwt would run it at once
	})
	p.OnSettle(note(3))
	pr.Resolve(0)
	qr.Resolve(0)
	assert.Empty(t, order, "no callback runs inside the call that settles")
	l.Flush()
	assert.Equal(t, []int{1, 2, 3, 4, 5}, order)
}

func TestCallbacksWithoutALoop(t *testing.T) {
	ran := false
	promise.Resolved(1).OnSettle(func(v int, err error) { ran = v == 1 && err == nil })
	assert.True(t, ran, "off any loop a callback of a promise without one runs before the call returns")
	assert.Equal(t, 2, outcome(promise.Map(promise.Resolved(1), double)))
	assert.Equal(t, 2, outcome(promise.Bind(promise.Resolved(1), doubled)))
	err := outcome(promise.Map(promise.Resolved(1), func(int) (int, error) { panic("x") }))
	var perr *promise.PanicError
	require.ErrorAs(t, err.(error), &perr)
	assert.Equal(t, "x", perr.Value)

	l := newLoop(t)
	require.NoError(t, l.Queue().Post(func() {
		ran = false
		promise.Resolved(1).OnSettle(func(int, error) { ran = true })
		assert.False(t, ran, "on a loop it joins the queue")
	}))
	l.Flush()
	assert.True(t, ran)
}

func TestDoneAndPoll(t *testing.T) {
	l := newLoop(t)
	p, r := pending(l)
	done := p.Done()
	assert.Equal(t, done, p.Done(), "one channel for all")
	select {
	case <-done:
		t.Fatal("closed too early")
	default:
	}
	r.Resolve(1)
	l.Flush()
	<-done
	<-p.Done()
	<-promise.Resolved(1).Done()
}
