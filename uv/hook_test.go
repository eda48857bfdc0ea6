// SPDX-License-Identifier: MIT

package uv_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// hook is an Idle, a Prepare or a Check.
type hook interface {
	Start(c uv.Completer) error
	Stop() error
	Close(c uv.Completer) error
	IsActive() bool
	Ref()
	Unref()
}

// hooks makes one of each, in the order in which a turn calls them.
func hooks(t *testing.T, l *uv.Loop) [3]hook {
	t.Helper()
	idle, err := uv.NewIdle(l)
	require.NoError(t, err)
	prepare, err := uv.NewPrepare(l)
	require.NoError(t, err)
	check, err := uv.NewCheck(l)
	require.NoError(t, err)
	return [3]hook{idle, prepare, check}
}

func closeAll(t *testing.T, handles ...interface{ Close(uv.Completer) error }) {
	t.Helper()
	for _, h := range handles {
		require.NoError(t, h.Close(nil))
	}
}

// trace writes down names in the order in which they are called.
type trace []string

func (tr *trace) note(name string) uv.Completer {
	return uv.CompleterFunc(func(uv.Event) { *tr = append(*tr, name) })
}

func TestHooksAreToldOnceATurnInOrder(t *testing.T) {
	l := newLoop(t)
	var order trace
	hs := hooks(t, l)
	for i, name := range []string{"idle", "prepare", "check"} {
		assert.False(t, hs[i].IsActive())
		require.NoError(t, hs[i].Start(order.note(name)))
		assert.True(t, hs[i].IsActive())
	}
	async, err := uv.NewAsync(l, order.note("poll"))
	require.NoError(t, err)
	require.NoError(t, async.Send())
	for range 2 {
		_, err = l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	assert.Equal(t, trace{"idle", "prepare", "poll", "check", "idle", "prepare", "check"}, order)
	for _, h := range hs {
		require.NoError(t, h.Stop())
		require.NoError(t, h.Stop(), "again")
		assert.False(t, h.IsActive())
	}
	n, err := l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	assert.Zero(t, n)
	closeAll(t, hs[0], hs[1], hs[2], async)
}

// Their events are no news: a loop that has a Prepare or a Check, and nothing to do, sleeps.
func TestPrepareAndCheckLetTheLoopSleep(t *testing.T) {
	l := newLoop(t)
	hs := hooks(t, l)
	var prepares, checks, fired events
	require.NoError(t, hs[1].Start(&prepares))
	require.NoError(t, hs[2].Start(&checks))
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	require.NoError(t, timer.Start(50*time.Millisecond, 0, &fired))
	turns := 0
	for len(fired) == 0 {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
		turns++
	}
	assert.LessOrEqual(t, turns, 5)
	assert.Len(t, prepares, turns)
	assert.Len(t, checks, turns)
	closeAll(t, hs[0], hs[1], hs[2], timer)
}

// A turn with a running Idle does not wait, and the Idle starves nobody.
func TestIdleKeepsTheLoopAwakeAndStarvesNobody(t *testing.T) {
	l := newLoop(t)
	hs := hooks(t, l)
	var idles, prepares, checks, fired events
	require.NoError(t, hs[0].Start(&idles))
	require.NoError(t, hs[1].Start(&prepares))
	require.NoError(t, hs[2].Start(&checks))
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	require.NoError(t, timer.Start(5*time.Millisecond, 5*time.Millisecond, &fired))
	fired.wait(t, l, 3)
	assert.Greater(t, len(idles), 10, "the loop has not slept")
	assert.Len(t, prepares, len(idles))
	assert.Len(t, checks, len(idles))
	closeAll(t, hs[0], hs[1], hs[2], timer)
}

func TestAHookIsStoppedAtOnce(t *testing.T) {
	l := newLoop(t)
	hs := hooks(t, l)
	var stopped events
	require.NoError(t, hs[0].Start(uv.CompleterFunc(func(uv.Event) {
		assert.NoError(t, hs[1].Stop()) // its event is already there
		assert.NoError(t, hs[2].Close(nil))
		assert.NoError(t, hs[0].Close(nil))
	})))
	require.NoError(t, hs[1].Start(&stopped))
	require.NoError(t, hs[2].Start(&stopped))
	_, err := l.Turn(uv.RunOnce)
	require.NoError(t, err)
	assert.Empty(t, stopped)
	require.NoError(t, hs[1].Start(&stopped))
	_, err = l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	assert.Len(t, stopped, 1)
	closeAll(t, hs[1])
}

// A running one goes on with the Completer of the last Start.
func TestAHookStartedAgain(t *testing.T) {
	l := newLoop(t)
	for _, h := range hooks(t, l) {
		var first, second events
		require.NoError(t, h.Start(&first))
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
		require.NoError(t, h.Start(&second))
		_, err = l.Turn(uv.RunNoWait)
		require.NoError(t, err)
		assert.Len(t, first, 1)
		assert.Len(t, second, 1)
		closeAll(t, h)
		assert.Equal(t, uv.ErrClosed, h.Start(&first))
		assert.Equal(t, uv.ErrClosed, h.Stop())
		assert.Equal(t, uv.ErrClosed, h.Close(nil))
	}
}

func TestHooksOfAClosedLoop(t *testing.T) {
	l, err := uv.NewLoop()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, idle := uv.NewIdle(l)
	_, prepare := uv.NewPrepare(l)
	_, check := uv.NewCheck(l)
	for _, err := range []error{idle, prepare, check} {
		assert.Equal(t, uv.ErrClosed, err)
	}
}

// A prepare that opens, starts and closes an Idle and checks from within its callback: what is told, turn by turn, is
// what was running when the turn began.
func TestHooksThatStartAndCloseEachOther(t *testing.T) {
	l := newLoop(t)
	prepare, err := uv.NewPrepare(l)
	require.NoError(t, err)
	const turns = 21
	var begun, idled, checked int
	var idle *uv.Idle
	require.NoError(t, prepare.Start(uv.CompleterFunc(func(uv.Event) {
		begun++
		switch {
		case begun == turns:
			assert.NoError(t, prepare.Close(nil))
			if idle != nil {
				assert.NoError(t, idle.Close(nil))
			}
			return
		case idle == nil:
			idle, _ = uv.NewIdle(l)
			assert.NoError(t, idle.Start(uv.CompleterFunc(func(uv.Event) { idled++ })))
		case begun%4 == 0:
			assert.NoError(t, idle.Close(nil))
			idle = nil
		}
		check, err := uv.NewCheck(l)
		assert.NoError(t, err)
		assert.NoError(t, check.Start(uv.CompleterFunc(func(uv.Event) {
			checked++
			assert.NoError(t, check.Close(nil))
		})))
	})))
	for !prepare.IsClosing() {
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
	}
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, turns-1, checked, "each once, in the turn after")
	assert.Equal(t, 15, idled)
}
