// SPDX-License-Identifier: MIT

package uv_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

func TestSendsInATurnAreOneEvent(t *testing.T) {
	l := newLoop(t)
	var woken events
	a, err := uv.NewAsync(l, &woken)
	require.NoError(t, err)
	for range 100 {
		require.NoError(t, a.Send())
	}
	woken.wait(t, l, 1)
	n, err := l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	assert.Zero(t, n)
	assert.Len(t, woken, 1)
	require.NoError(t, a.Send(), "and the next one another")
	woken.wait(t, l, 2)
	closeAll(t, a)
}

func TestAnAsyncWithoutACompleterOnlyWakes(t *testing.T) {
	l := newLoop(t)
	a, err := uv.NewAsync(l, nil)
	require.NoError(t, err)
	assert.Zero(t, l.Stats().Tokens)
	sent := make(chan error, 1)
	go func() { sent <- a.Send() }()
	n, err := l.Turn(uv.RunOnce) // nothing else would end it
	require.NoError(t, err)
	assert.Zero(t, n)
	require.NoError(t, <-sent)
	closeAll(t, a)
}

// A million posts to a queue of the caller's own: none is lost when Send follows each, however many Sends become one event.
func TestAMillionPosts(t *testing.T) {
	l := newLoop(t)
	const goroutines, each = 8, 125_000
	var posted atomic.Int64
	var seen int64
	a, err := uv.NewAsync(l, uv.CompleterFunc(func(uv.Event) { seen = posted.Load() }))
	require.NoError(t, err)
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range each {
				posted.Add(1)
				if a.Send() != nil {
					return
				}
			}
		})
	}
	for seen < goroutines*each {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	all.Wait()
	closeAll(t, a)
}

// Handles are opened and closed while others send to them: a Send reaches an open handle or says ErrClosed.
func TestSendsRaceWithClose(t *testing.T) {
	l := newLoop(t)
	for range 200 {
		var woken events
		a, err := uv.NewAsync(l, &woken)
		require.NoError(t, err)
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for a.Send() == nil {
					runtime.Gosched()
				}
			})
		}
		woken.wait(t, l, 1)
		closeAll(t, a)
		assert.Equal(t, uv.ErrClosed, a.Send())
		all.Wait()
	}
}
