// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// onHost runs setup on the thread of a C host, in front of its only uv_run, with a loop that has adopted the host's, and waits until
// the host has ended.
func onHost(t *testing.T, setup func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer), opts ...weftio.Option) (closed int) {
	t.Helper()
	return ends(t, uvtest.StartHost(uvtest.Once(func(loop unsafe.Pointer) {
		l, err := weftio.Adopt(loop, opts...)
		if !assert.NoError(t, err) {
			return
		}
		setup(l, l.Context(context.Background()), loop)
	})))
}

// ends waits for the host's end, as long as the whole run may take: a busy machine takes its time.
func ends(t *testing.T, h *uvtest.Host) (closed int) {
	t.Helper()
	return <-h.Ended()
}

// detachAfter detaches l when body has returned.
func detachAfter(t *testing.T, l *weftio.Loop, body func(ctx context.Context) error) {
	promise.Go(l.Context(context.Background()), body).OnSettle(func(_ promise.Unit, err error) {
		assert.NoError(t, err)
		assert.NoError(t, l.Detach(func(err error) {
			assert.NoError(t, err)
			assert.Zero(t, l.Stats())
		}))
	})
}

func TestTasksTimersAndChannelsOnAnAdoptedLoop(t *testing.T) {
	var ticks atomic.Int32
	var loop *weftio.Loop
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		loop = l
		uvtest.Tick(host, time.Millisecond, 10, func() { ticks.Add(1) })
		detachAfter(t, l, func(ctx context.Context) error {
			assert.Same(t, l, weftio.LoopFrom(ctx))
			assert.NoError(t, weftio.Sleep(ctx, 2*time.Millisecond).Wait(ctx))
			client, server := pair(t, ctx)
			client.WriteLine("hello")
			line, err := server.ReadLine().Await(ctx)
			assert.NoError(t, err)
			assert.Equal(t, "hello", line)
			n, err := promise.Offload(ctx, func(context.Context) (int, error) { return 42, nil }).Await(ctx)
			assert.NoError(t, err)
			assert.Equal(t, 42, n)
			addrs, err := weftio.LookupHost(ctx, "localhost").Await(ctx)
			assert.NoError(t, err)
			assert.NotEmpty(t, addrs)
			assert.NoError(t, promise.Pause(ctx).Wait(ctx))
			return errors.Join(client.Close().Wait(ctx), server.Close().Wait(ctx))
		})
	})
	assert.Equal(t, 0, closed, "uv_loop_close")
	assert.EqualValues(t, 10, ticks.Load())
	assert.ErrorIs(t, loop.Post(func() {}), promise.ErrLoopClosed)
	assert.ErrorIs(t, loop.Detach(nil), promise.ErrLoopClosed)
}

func TestAdoptedLoopIsNotClosedByUs(t *testing.T) {
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		assert.ErrorContains(t, l.Close(), "Detach")
		assert.ErrorContains(t, l.Shutdown(ctx), "Detach")
		_, err := weftio.Adopt(host)
		assert.ErrorIs(t, err, uv.EALREADY)
		assert.Equal(t, host, l.UVLoop())
		assert.NoError(t, l.Detach(nil))
		assert.Error(t, l.Detach(nil))
	})
	assert.Equal(t, 0, closed)
	l, _ := weftio.Start()
	assert.ErrorContains(t, l.Detach(nil), "Close")
	require.NoError(t, l.Close())
	_, err := weftio.Adopt(nil)
	assert.ErrorIs(t, err, uv.EINVAL)
}

func TestLoopIsAdoptedAgainAfterItWasDetached(t *testing.T) {
	var rounds int
	var again func(host unsafe.Pointer)
	again = func(host unsafe.Pointer) {
		l, err := weftio.Adopt(host)
		if !assert.NoError(t, err) {
			return
		}
		weftio.Sleep(l.Context(context.Background()), time.Millisecond).OnSettle(func(promise.Unit, error) {
			assert.NoError(t, l.Detach(func(error) {
				if rounds++; rounds < 5 {
					again(host)
				}
			}))
		})
	}
	h := uvtest.StartHost(uvtest.Once(again))
	assert.Equal(t, 0, ends(t, h))
	assert.Equal(t, 5, rounds)
}

// What the host waits for, and what not: the rule in Adopt's comment.
func TestWhatKeepsTheHost(t *testing.T) {
	var done atomic.Bool
	set := func() { done.Store(true) }
	for name, c := range map[string]struct {
		start func(l *weftio.Loop, ctx context.Context)
		keeps bool
	}{
		"a posted function": {func(l *weftio.Loop, ctx context.Context) { _ = l.Post(set) }, true},
		"a task": {func(l *weftio.Loop, ctx context.Context) {
			promise.Go(ctx, func(ctx context.Context) error { set(); return nil })
		}, true},
		"a chain of pauses": {func(l *weftio.Loop, ctx context.Context) {
			promise.Go(ctx, func(ctx context.Context) error {
				for range 100 {
					_ = promise.Pause(ctx).Wait(ctx)
				}
				set()
				return nil
			})
		}, true},
		"a timer": {func(l *weftio.Loop, ctx context.Context) {
			weftio.Sleep(ctx, 20*time.Millisecond).OnSettle(func(promise.Unit, error) { set() })
		}, true},
		"an Offload": {func(l *weftio.Loop, ctx context.Context) {
			p := promise.Offload(ctx, func(context.Context) (int, error) { time.Sleep(20 * time.Millisecond); return 0, nil })
			p.OnSettle(func(int, error) { set() })
		}, true},
		"a lookup": {func(l *weftio.Loop, ctx context.Context) {
			p := weftio.LookupHost(ctx, "localhost")
			p.OnSettle(func([]netip.Addr, error) { set() })
		}, true},
		"a hold": {func(l *weftio.Loop, ctx context.Context) {
			release := l.Hold()
			p, r := promise.New[int](ctx)
			p.OnSettle(func(int, error) { set() })
			go func() {
				time.Sleep(20 * time.Millisecond)
				r.Resolve(1)
				release()
				release()
			}()
		}, true},
		"a promise alone": {func(l *weftio.Loop, ctx context.Context) {
			p, _ := promise.New[int](ctx)
			promise.Go(ctx, func(ctx context.Context) error { return p.Wait(ctx) })
		}, false},
		"nothing": {func(l *weftio.Loop, ctx context.Context) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			done.Store(false)
			begin := time.Now()
			var l *weftio.Loop
			h := uvtest.StartHost(func(loop unsafe.Pointer, runs int) bool {
				switch runs {
				case 0:
					var err error
					l, err = weftio.Adopt(loop)
					if !assert.NoError(t, err) {
						return false
					}
					c.start(l, l.Context(context.Background()))
				case 1:
					assert.Equal(t, c.keeps, done.Load(), "when uv_run has returned")
					assert.NoError(t, l.Detach(nil))
				}
				return runs < 2
			})
			assert.Equal(t, 0, ends(t, h))
			assert.Less(t, time.Since(begin), 10*time.Second)
		})
	}
}
