// SPDX-License-Identifier: MIT

package uv_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

func newTimer(t *testing.T, l *uv.Loop) *uv.Timer {
	t.Helper()
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	return timer
}

func TestATimerThatNeverRan(t *testing.T) {
	l := newLoop(t)
	timer := newTimer(t, l)
	assert.Zero(t, timer.Repeat())
	assert.Zero(t, timer.DueIn())
	assert.False(t, timer.IsActive())
	assert.Equal(t, uv.EINVAL, timer.Again())
	assert.Equal(t, uv.EINVAL, timer.Start(0, 0, nil))
	require.NoError(t, timer.Stop())
	closeAll(t, timer)
}

// One shots, one that repeats until it is closed, and one that never fires, all at once.
func TestManyTimers(t *testing.T) {
	l := newLoop(t)
	var once, again, never int
	for i := range 10 {
		timer := newTimer(t, l)
		require.NoError(t, timer.Start(time.Duration(i)*time.Millisecond, 0, uv.CompleterFunc(func(uv.Event) {
			once++
			assert.False(t, timer.IsActive())
			closeAll(t, timer)
		})))
	}
	repeat := newTimer(t, l)
	require.NoError(t, repeat.Start(time.Millisecond, time.Millisecond, uv.CompleterFunc(func(uv.Event) {
		assert.True(t, repeat.IsActive())
		if again++; again == 5 {
			closeAll(t, repeat)
		}
	})))
	far := newTimer(t, l)
	require.NoError(t, far.Start(time.Hour, 0, uv.CompleterFunc(func(uv.Event) { never++ })))
	far.Unref()
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, []int{10, 5, 0}, []int{once, again, never})
	closeAll(t, far)
}

func TestTimersOfOneTimeFireInTheOrderStarted(t *testing.T) {
	l := newLoop(t)
	var order trace
	a, b, c := newTimer(t, l), newTimer(t, l), newTimer(t, l)
	require.NoError(t, b.Start(0, 0, order.note("b")))
	require.NoError(t, c.Start(0, 0, order.note("c")))
	require.NoError(t, a.Start(0, 0, order.note("a")))
	require.NoError(t, b.Start(0, 0, order.note("b again"))) // to the end of the line
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, trace{"c", "a", "b again"}, order)
	closeAll(t, a, b, c)
}

func TestTimerAgain(t *testing.T) {
	l := newLoop(t)
	timer := newTimer(t, l)
	var fired events
	require.NoError(t, timer.Start(time.Hour, 0, &fired))
	require.NoError(t, timer.Again(), "no repeat: it goes on as it was")
	assert.Greater(t, timer.DueIn(), 59*time.Minute)
	require.NoError(t, timer.SetRepeat(1500*time.Microsecond))
	assert.Equal(t, 2*time.Millisecond, timer.Repeat(), "rounded up")
	assert.Greater(t, timer.DueIn(), 59*time.Minute, "what runs is as it was")
	require.NoError(t, timer.Again())
	assert.LessOrEqual(t, timer.DueIn(), 2*time.Millisecond)
	fired.wait(t, l, 2)
	require.NoError(t, timer.Stop())
	assert.Zero(t, timer.DueIn())
	n := len(fired)
	require.NoError(t, timer.Again(), "after Stop")
	fired.wait(t, l, n+1)
	closeAll(t, timer)
	assert.Equal(t, uv.ErrClosed, timer.Again())
	assert.Equal(t, uv.ErrClosed, timer.SetRepeat(1))
	assert.Zero(t, timer.Repeat()+timer.DueIn())
}

func TestHugeTimeoutsAndRepeats(t *testing.T) {
	l := newLoop(t)
	var none, tiny, huge events
	timers := make([]*uv.Timer, 4)
	for i, d := range []time.Duration{math.MaxInt64, math.MaxInt64 - 1, math.MaxInt32 * time.Millisecond, (math.MaxUint32 + 1) * time.Millisecond} {
		timers[i] = newTimer(t, l)
		require.NoError(t, timers[i].Start(d, d, &none))
		assert.Greater(t, timers[i].Repeat(), d-time.Millisecond)
		assert.Greater(t, timers[i].DueIn(), d-time.Second)
	}
	a, b := newTimer(t, l), newTimer(t, l)
	require.NoError(t, a.Start(2*time.Millisecond, 2*time.Millisecond, &tiny))
	require.NoError(t, b.Start(time.Millisecond, math.MaxInt64, &huge))
	tiny.wait(t, l, 2)
	assert.Len(t, huge, 1, "the huge repeat has not wrapped")
	assert.Empty(t, none)
	for _, timer := range append(timers, a, b) {
		closeAll(t, timer)
	}
}

func TestNoTimerFiresEarly(t *testing.T) {
	l := newLoop(t)
	timer := newTimer(t, l)
	for range 5 {
		var fired events
		begin := time.Now()
		require.NoError(t, timer.Start(5*time.Millisecond, 0, &fired))
		fired.wait(t, l, 1)
		// libuv's clock counts whole milliseconds.
		assert.GreaterOrEqual(t, time.Since(begin), 4*time.Millisecond)
	}
	closeAll(t, timer)
}

// What a timer has brought that an earlier Completer of the same turn stops or starts anew is not delivered: a read puts off
// an idle timeout for good.
func TestATimerStoppedOrPutOffInTheSameTurn(t *testing.T) {
	for name, change := range map[string]func(timer *uv.Timer, c uv.Completer) error{
		"stop":  func(timer *uv.Timer, _ uv.Completer) error { return timer.Stop() },
		"start": func(timer *uv.Timer, c uv.Completer) error { return timer.Start(time.Hour, 0, c) },
		"again": func(timer *uv.Timer, _ uv.Completer) error { return timer.Again() },
		"close": func(timer *uv.Timer, _ uv.Completer) error { return timer.Close(nil) },
	} {
		l := newLoop(t)
		first, second := newTimer(t, l), newTimer(t, l)
		var late events
		changed := false
		require.NoError(t, first.Start(0, 0, uv.CompleterFunc(func(uv.Event) {
			changed = true
			assert.NoError(t, change(second, &late))
		})))
		require.NoError(t, second.Start(0, time.Hour, &late))
		for !changed {
			_, err := l.Turn(uv.RunOnce)
			require.NoError(t, err)
		}
		assert.Empty(t, late, name)
		closeAll(t, first)
		_ = second.Close(nil)
		require.NoError(t, l.Run(uv.RunDefault))
	}
}

func TestATimerFiresOnceATurn(t *testing.T) {
	for _, mode := range []uv.RunMode{uv.RunOnce, uv.RunNoWait} {
		l := newLoop(t)
		timer := newTimer(t, l)
		var fired events
		require.NoError(t, timer.Start(0, time.Millisecond, &fired))
		for before := 0; before < 5; {
			n, err := l.Turn(mode)
			require.NoError(t, err)
			most := 1
			if mode == uv.RunOnce { // libuv looks at its timers before the poll, up to 1.44, and after it
				most = 2
			}
			assert.LessOrEqual(t, n, most)
			assert.Len(t, fired, before+n)
			before += n
		}
		closeAll(t, timer)
	}
}

func TestATimerStartedFromACheckOrAnIdle(t *testing.T) {
	l := newLoop(t)
	var order trace
	timer := newTimer(t, l)
	hs := hooks(t, l)
	require.NoError(t, hs[0].Start(uv.CompleterFunc(func(uv.Event) {
		assert.NoError(t, hs[0].Stop())
		assert.NoError(t, timer.Start(0, 0, order.note("timer")))
	})))
	require.NoError(t, hs[2].Start(order.note("check")))
	for len(order) < 2 || order[len(order)-2] != "timer" && order[len(order)-1] != "timer" {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	assert.Equal(t, "check", order[0], "of the turn that started the timer")
	closeAll(t, timer, hs[0], hs[1], hs[2])
}

func TestAZeroTimerThatStartsItselfDoesNotHoldTheTurn(t *testing.T) {
	l := newLoop(t)
	timer := newTimer(t, l)
	turns, fired := 0, 0
	var on uv.CompleterFunc
	on = func(uv.Event) {
		fired++
		assert.NoError(t, timer.Start(0, 0, on))
	}
	require.NoError(t, timer.Start(0, 0, on))
	for ; fired < 10; turns++ {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	assert.GreaterOrEqual(t, turns, 10)
	closeAll(t, timer)
}

func TestAnUnreferencedTimerDoesNotRunAnEmptyLoop(t *testing.T) {
	l := newLoop(t)
	timer := newTimer(t, l)
	var fired events
	require.NoError(t, timer.Start(0, 0, &fired))
	timer.Unref()
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Empty(t, fired)
	closeAll(t, timer)
}
