// SPDX-License-Identifier: MIT

//go:build unix

package io_test

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// elsewhere runs f on another thread than the caller's, and returns when it has.
func elsewhere(f func()) {
	done := make(chan struct{})
	go func() { f(); close(done) }()
	<-done
}

func here(f func()) { f() }

// inLastCallback has f called when the host has nothing else, and in a place from which its uv_run ends without another poll.
func inLastCallback(host unsafe.Pointer, _ *weftio.Loop, f func()) {
	uvtest.Tick(host, time.Millisecond, 1, func() { uvtest.CallOnClose(host, f) })
}

// afterLastPoll has f called likewise, in a check callback that comes before ours.
func afterLastPoll(host unsafe.Pointer, _ *weftio.Loop, f func()) {
	due := false
	uvtest.Tick(host, time.Millisecond, 1, func() { due = true })
	var stop func()
	stop = uvtest.Check(host, func() {
		if due {
			due = false
			stop()
			f()
		}
	})
}

// inLastTurn has f called likewise, in a turn of ours that a poll has brought.
func inLastTurn(host unsafe.Pointer, l *weftio.Loop, f func()) {
	uvtest.Tick(host, time.Millisecond, 1, func() { elsewhere(func() { _ = l.Post(f) }) })
}

// What a loop was held for has to run before the host's uv_run returns, wherever that is when another thread releases it.
func TestWhatALoopWasHeldForIsNotLost(t *testing.T) {
	type settler func(ctx context.Context) (p *promise.Promise[int64], settle func())
	byGo := func(ctx context.Context) (*promise.Promise[int64], func()) {
		p, r := promise.New[int64](ctx)
		return p, func() { r.Resolve(1) }
	}
	byC := func(ctx context.Context) (*promise.Promise[int64], func()) {
		p, token := weftio.FromC[int64](ctx)
		return p, func() { assert.Equal(t, uv.Errno(0), uvtest.ResolveInt(token, 1)) }
	}
	for _, c := range []struct {
		name       string
		settler    settler
		holdsFirst bool
		released   func(f func()) // where
		where      func(host unsafe.Pointer, l *weftio.Loop, f func())
	}{
		{"held and settled by Go in the last callback", byGo, false, elsewhere, inLastCallback},
		{"held and settled by C in the last callback", byC, false, elsewhere, inLastCallback},
		{"settled by Go before a release in the last callback", byGo, true, here, inLastCallback},
		{"settled by Go after the last poll", byGo, true, elsewhere, afterLastPoll},
		{"settled by C after the last poll", byC, true, elsewhere, afterLastPoll},
		{"settled by C in the last turn", byC, true, elsewhere, inLastTurn},
	} {
		t.Run(c.name, func(t *testing.T) {
			ran := false
			var l *weftio.Loop
			h := uvtest.StartHost(func(host unsafe.Pointer, runs int) bool {
				if runs == 1 {
					assert.True(t, ran, "before uv_run has returned")
					assert.NoError(t, l.Detach(nil))
				}
				if runs > 0 {
					return runs < 2
				}
				var err error
				if l, err = weftio.Adopt(host); !assert.NoError(t, err) {
					return false
				}
				p, settle := c.settler(l.Context(context.Background()))
				p.OnSettle(func(int64, error) { ran = true })
				release := func() {}
				if c.holdsFirst {
					release = l.Hold()
				}
				c.where(host, l, func() {
					if !c.holdsFirst {
						release = l.Hold()
					}
					elsewhere(settle)
					c.released(release)
				})
				return true
			})
			assert.Equal(t, 0, ends(t, h))
		})
	}
}

func TestReleasedLoopLetsGoOfAnInnerUVRun(t *testing.T) {
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		release := l.Hold()
		uvtest.Tick(host, time.Millisecond, 1, func() {})
		detachAfter(t, l, func(ctx context.Context) error {
			release()
			uvtest.RunLoop(host, 0) // UV_RUN_DEFAULT
			return nil
		})
	})
	assert.Equal(t, 0, closed)
}
