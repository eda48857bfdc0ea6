// SPDX-License-Identifier: MIT

package uv_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

func walked(l *uv.Loop) (all []uv.HandleInfo) {
	l.Walk(func(i uv.HandleInfo) { all = append(all, i) })
	return all
}

func TestWalkTellsOwnHandlesFromForeignOnes(t *testing.T) {
	l := newLoop(t)
	assert.Empty(t, walked(l))
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	require.NoError(t, timer.Start(time.Hour, 0, uv.CompleterFunc(func(uv.Event) {})))
	tcp, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, tcp.Bind(loopback, 0))
	fd, err := tcp.Fileno()
	require.NoError(t, err)
	fired := false
	uvtest.StartTimer(l.Pointer(), func() { fired = true })

	assert.ElementsMatch(t, []uv.HandleInfo{
		{Type: uv.TypeTimer, FD: -1, Active: true, Ref: true},
		{Type: uv.TypeTCP, FD: int64(fd), Ref: true},
		{Type: uv.TypeTimer, FD: -1, Active: true, Ref: true, Foreign: true},
	}, walked(l))
	assert.Contains(t, l.Dump(), "timer active ref foreign\n")

	require.NoError(t, timer.Close(nil))
	require.NoError(t, tcp.Close(nil))
	assert.True(t, walked(l)[0].Closing, "what was submitted is done before the walk")
	require.NoError(t, l.Run(uv.RunDefault))
	assert.True(t, fired)
	assert.Empty(t, walked(l))
}

func TestInDebugModeAHandleTellsWhereItWasMade(t *testing.T) {
	uv.SetDebug(true)
	defer uv.SetDebug(false)
	l := newLoop(t)
	assert.Contains(t, l.Made(), "uv_test.newLoop")
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	require.Len(t, walked(l), 1)
	made := walked(l)[0].Made
	assert.Regexp(t, `^github.com/weft-go/weft/uv_test\.TestInDebugModeAHandleTellsWhereItWasMade \(.*walk_test.go:\d+\)\n`, made)
	assert.Contains(t, l.Dump(), "timer ref\n\t"+made[:40])
	require.NoError(t, timer.Close(nil))
}

// recorder is a testing.TB that notes failures instead of failing.
type recorder struct {
	testing.TB
	errors   []string
	cleanups []func()
}

func (r *recorder) Helper()                   {}
func (r *recorder) Cleanup(f func())          { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Errorf(f string, a ...any) { r.errors = append(r.errors, f) }

func TestNoLeaksFindsOpenLoopsAndDescriptors(t *testing.T) {
	l := newLoop(t)
	r := &recorder{TB: t}
	uvtest.NoLeaks(r)
	other, err := uv.NewLoop()
	require.NoError(t, err)
	for _, f := range r.cleanups {
		f()
	}
	require.NotEmpty(t, r.errors)
	assert.Contains(t, r.errors[0], "a loop was left open")
	require.NoError(t, other.Close())
	r.errors = nil
	for _, f := range r.cleanups {
		f()
	}
	assert.Empty(t, r.errors)
	assert.Contains(t, uv.OpenLoops(), l)
	assert.NotContains(t, uv.OpenLoops(), other)
}
