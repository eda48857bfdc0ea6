// SPDX-License-Identifier: MIT

package uv_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

func TestRunOnceAndNoWait(t *testing.T) {
	l := newLoop(t)
	idle, err := uv.NewIdle(l)
	require.NoError(t, err)
	told := 0
	require.NoError(t, idle.Start(uv.CompleterFunc(func(uv.Event) {
		if told++; told == 10 {
			assert.NoError(t, idle.Stop())
		}
	})))
	turns := 0
	for ; l.Alive(); turns++ {
		require.NoError(t, l.Run(uv.RunOnce))
	}
	assert.Equal(t, []int{10, 10}, []int{told, turns})
	far := newTimer(t, l)
	require.NoError(t, far.Start(time.Hour, 0, ignore))
	require.NoError(t, l.Run(uv.RunNoWait), "returns")
	closeAll(t, idle, far)
}

func TestAliveIsHandlesRequestsAndClosing(t *testing.T) {
	l := newLoop(t)
	assert.False(t, l.Alive())
	timer := newTimer(t, l)
	assert.False(t, l.Alive(), "it does nothing")
	require.NoError(t, timer.Start(time.Hour, 0, ignore))
	assert.True(t, timer.IsActive() && l.Alive())
	require.NoError(t, timer.Stop())
	assert.False(t, timer.IsActive() || l.Alive())
	var found events
	_, err := uv.GetAddrInfo(l, "127.0.0.1", "", uv.AddrInfoHints{}, &found)
	require.NoError(t, err)
	assert.True(t, l.Alive(), "a request")
	assert.Equal(t, uv.EBUSY, l.Close())
	found.wait(t, l, 1)
	assert.False(t, l.Alive())
	var closed events
	require.NoError(t, timer.Close(&closed))
	assert.True(t, l.Pending())
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Len(t, closed, 1)
}

func TestCloseIsBusyUntilAllIsClosed(t *testing.T) {
	l := newLoop(t)
	a, b := newTimer(t, l), newTimer(t, l)
	assert.Equal(t, uv.EBUSY, l.Close())
	require.NoError(t, a.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, uv.EBUSY, l.Close(), "the other")
	require.NoError(t, b.Close(nil))
	assert.Equal(t, uv.EBUSY, l.Close(), "before the turn that closes it")
}

func TestUpdateTimeReadsTheClock(t *testing.T) {
	l := newLoop(t)
	start := l.Now()
	for l.Now() < start+20*time.Millisecond {
		l.UpdateTime()
	}
	before := l.Now()
	begin := time.Now()
	for time.Since(begin) < 5*time.Millisecond {
	}
	assert.Equal(t, before, l.Now(), "it stands still between turns")
}

// A check that closes itself, a timer in the same turn, and their ends: ends come last, in the order of the Closes.
func TestEndsComeLastAndInOrder(t *testing.T) {
	l := newLoop(t)
	var order trace
	check, err := uv.NewCheck(l)
	require.NoError(t, err)
	timer := newTimer(t, l)
	require.NoError(t, check.Start(uv.CompleterFunc(func(uv.Event) {
		order = append(order, "check")
		assert.NoError(t, check.Close(order.note("check's end")))
		assert.NoError(t, timer.Close(order.note("timer's end")))
		closing, err := uv.NewTimer(l)
		assert.NoError(t, err)
		assert.NoError(t, closing.Start(0, 0, order.note("never")))
		assert.NoError(t, closing.Close(order.note("last end")))
	})))
	require.NoError(t, timer.Start(0, 0, order.note("timer")))
	require.NoError(t, l.Run(uv.RunDefault))
	if order[0] == "timer" { // since libuv 1.45 timers come after checks, and this one is closed by then
		order = order[1:]
	}
	require.Len(t, order, 4)
	assert.Equal(t, "check", order[0])
	assert.ElementsMatch(t, []string{"check's end", "timer's end", "last end"}, order[1:])
}

func TestActive(t *testing.T) {
	l := newLoop(t)
	timer := newTimer(t, l)
	assert.False(t, timer.IsActive())
	require.NoError(t, timer.Start(time.Hour, 0, ignore))
	assert.True(t, timer.IsActive())
	require.NoError(t, timer.Stop())
	assert.False(t, timer.IsActive())
	require.NoError(t, timer.Start(time.Hour, 0, ignore))
	require.NoError(t, timer.Close(nil))
	assert.False(t, timer.IsActive() || !timer.IsClosing())
}

// Sockets whose datagrams come in one turn, each of which closes all others.
func TestHandlesThatCloseEachOtherInOneTurn(t *testing.T) {
	l := newLoop(t)
	const n = 20
	var all [n]*uv.UDP
	received, ended := 0, 0
	end := uv.CompleterFunc(func(uv.Event) { ended++ })
	for i := range all {
		u, err := uv.NewUDP(l)
		require.NoError(t, err)
		require.NoError(t, u.Bind(loopback, 0))
		all[i] = u
		require.NoError(t, u.RecvStart(uv.CompleterFunc(func(ev uv.Event) {
			if ev.Status != 0 || len(ev.Data) == 0 {
				return
			}
			received++
			for _, other := range all {
				if !other.IsClosing() {
					assert.NoError(t, other.Close(end))
				}
			}
		})))
	}
	for _, u := range all {
		addr, err := u.Sockname()
		require.NoError(t, err)
		_, err = u.TrySend([][]byte{[]byte("x")}, addr)
		require.NoError(t, err)
	}
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, 1, received, "nothing comes after Close")
	assert.Equal(t, n, ended)
}
