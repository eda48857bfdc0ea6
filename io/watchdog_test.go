// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"iter"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// reports collects what a watchdog says.
type reports struct {
	mu  sync.Mutex
	all []*weftio.HeldError
}

func (r *reports) add(e *weftio.HeldError) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, e)
}

func (r *reports) taken() []*weftio.HeldError {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// spin holds the thread until the watchdog has spoken, and three limits more.
func (r *reports) spin(limit time.Duration) {
	until := time.Time{}
	for until.IsZero() || time.Now().Before(until) {
		if until.IsZero() && len(r.taken()) > 0 {
			until = time.Now().Add(3 * limit)
		}
	}
}

func TestTheWatchdogNamesATaskThatHoldsTheLoopOnce(t *testing.T) {
	const limit = 100 * time.Millisecond // as by default
	var r reports
	wefttest.Run(t, func(ctx context.Context) error {
		promise.SetDebug(true)
		p := promise.Go(ctx, func(context.Context) error { r.spin(limit); return nil })
		promise.SetDebug(false)
		return p.Wait(ctx)
	}, weftio.Watchdog(limit, r.add))
	all := r.taken()
	require.Len(t, all, 1)
	e := all[0]
	assert.GreaterOrEqual(t, e.For, limit)
	assert.Contains(t, e.Holder, "task github.com/weft-go/weft/io_test.TestTheWatchdogNames")
	assert.Contains(t, e.Made, "watchdog_test.go")
	assert.Contains(t, e.Stack, "(*reports).spin")
	assert.ErrorContains(t, e, "promise.Offload")
	assert.ErrorContains(t, e, e.Holder)
}

func TestTheWatchdogNamesWhatElseHoldsTheLoop(t *testing.T) {
	const limit = 20 * time.Millisecond
	for name, test := range map[string]struct {
		hold   func(ctx context.Context, spin func()) *promise.Promise[promise.Unit]
		holder string
	}{
		"a callback of OnSettle": {func(ctx context.Context, spin func()) *promise.Promise[promise.Unit] {
			promise.Pause(ctx).OnSettle(func(promise.Unit, error) { spin() })
			return weftio.Sleep(ctx, time.Millisecond)
		}, "callback github.com/weft-go/weft/io_test"},
		"a callback of Map": {func(ctx context.Context, spin func()) *promise.Promise[promise.Unit] {
			return promise.Map(promise.Pause(ctx), func(u promise.Unit) (promise.Unit, error) { spin(); return u, nil })
		}, "callback of Map"},
		"a posted function": {func(ctx context.Context, spin func()) *promise.Promise[promise.Unit] {
			_ = weftio.LoopFrom(ctx).Post(spin)
			return weftio.Sleep(ctx, time.Millisecond)
		}, "callback github.com/weft-go/weft/io_test"},
		"a task after an await": {func(ctx context.Context, spin func()) *promise.Promise[promise.Unit] {
			return promise.Go(ctx, func(ctx context.Context) error {
				err := weftio.Sleep(ctx, time.Millisecond).Wait(ctx)
				spin()
				return err
			})
		}, "task github.com/weft-go/weft/io_test"},
		"a coroutine in a task": {func(ctx context.Context, spin func()) *promise.Promise[promise.Unit] {
			return promise.Go(ctx, func(context.Context) error {
				next, stop := iter.Pull(func(yield func(int) bool) { spin(); yield(1) })
				defer stop()
				next()
				return nil
			})
		}, "task github.com/weft-go/weft/io_test"},
	} {
		t.Run(name, func(t *testing.T) {
			var r reports
			wefttest.Run(t, func(ctx context.Context) error {
				return test.hold(ctx, func() { r.spin(limit) }).Wait(ctx)
			}, weftio.Watchdog(limit, r.add))
			all := r.taken()
			require.Len(t, all, 1)
			assert.Contains(t, all[0].Holder, test.holder)
			assert.Contains(t, all[0].Stack, "(*reports).spin")
		})
	}
}

// stacks returns those of all goroutines.
func stacks() string {
	buf := make([]byte, 4<<20)
	return string(buf[:runtime.Stack(buf, true)])
}

// What a loop runs before its first poll counts, although the watchdog rests because all other loops do.
func TestTheWatchdogRisesForANewLoop(t *testing.T) {
	const limit = 20 * time.Millisecond
	wefttest.Start(t, weftio.Watchdog(limit, func(*weftio.HeldError) {}))
	rests := regexp.MustCompile(`goroutine \d+ \[chan receive.*\]:\n.*\(\*watchdog\)\.run`)
	require.Eventually(t, func() bool { return rests.MatchString(stacks()) }, 10*time.Second, time.Millisecond)
	var r reports
	wefttest.Start(t, weftio.Watchdog(limit, r.add), weftio.OnStart(func(*weftio.Loop) { r.spin(limit) }))
	require.Eventually(t, func() bool { return len(r.taken()) == 1 }, 10*time.Second, time.Millisecond)
	assert.Contains(t, r.taken()[0].Stack, "(*reports).spin")
}

func TestTheWatchdogKnowsLoopsApart(t *testing.T) {
	const limit = 20 * time.Millisecond
	var held, free reports
	_, idle := wefttest.Start(t, weftio.Watchdog(limit, free.add))
	_, busy := wefttest.Start(t, weftio.Watchdog(limit, held.add))
	other := promise.Go(idle, func(ctx context.Context) error {
		for len(held.taken()) == 0 {
			if err := weftio.Sleep(ctx, time.Millisecond).Wait(ctx); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, promise.Go(busy, func(context.Context) error { held.spin(limit); return nil }).Wait(busy))
	require.NoError(t, other.Wait(idle))
	assert.Len(t, held.taken(), 1)
	assert.Contains(t, held.taken()[0].Stack, "(*reports).spin")
}

func TestTheWatchdogIsQuietAboutALoopThatSleepsOrIsBusyInShortSteps(t *testing.T) {
	const limit = 50 * time.Millisecond
	var r reports
	wefttest.Run(t, func(ctx context.Context) error {
		if err := weftio.Sleep(ctx, 3*limit).Wait(ctx); err != nil { // asleep
			return err
		}
		loop := weftio.LoopFrom(ctx)
		for end := loop.Now() + 3*limit; loop.Now() < end; { // always something to run
			if err := promise.Pause(ctx).Wait(ctx); err != nil {
				return err
			}
		}
		return nil
	}, weftio.Watchdog(limit, r.add))
	assert.Empty(t, r.taken())
}

func TestAWatchdogThatIsOffSaysNothing(t *testing.T) {
	var r reports
	wefttest.Run(t, func(context.Context) error {
		for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		}
		return nil
	}, weftio.Watchdog(0, r.add))
	assert.Empty(t, r.taken())
}

func TestTheWatchdogReadsNoStacksAmongTenThousandGoroutines(t *testing.T) {
	const limit = 20 * time.Millisecond
	var r reports
	wefttest.Run(t, func(ctx context.Context) error {
		parked, unpark := promise.New[int](ctx)
		started := 0
		for range 10_000 {
			promise.Go(ctx, func(ctx context.Context) error { started++; _, _ = parked.Await(ctx); return nil })
		}
		for started < 10_000 { // a slow machine takes several turns
			if err := promise.Pause(ctx).Wait(ctx); err != nil {
				return err
			}
		}
		if err := promise.Pause(ctx).Wait(ctx); err != nil {
			return err
		}
		// Starting so many tasks may have been a hold of its own, whose report may still be on its way.
		mine := func(e *weftio.HeldError) bool {
			return e.Stack == "" && strings.Contains(e.Holder, "TestTheWatchdogReadsNoStacks")
		}
		for end := time.Now().Add(10 * time.Second); !slices.ContainsFunc(r.taken(), mine) && time.Now().Before(end); {
		}
		assert.True(t, slices.ContainsFunc(r.taken(), mine))
		unpark.Resolve(0)
		return nil
	}, weftio.Watchdog(limit, r.add), weftio.Grace(30*time.Second)) // ten thousand tasks end, on a slow machine
}

func TestTheWatchdogDoesNotCountTimeInWhichItCouldNotLook(t *testing.T) {
	const ms = time.Millisecond
	assert.Equal(t, 100*ms, weftio.HeldAfter(25*ms, 50*ms, 80*ms, 100*ms))
	assert.Equal(t, 75*ms, weftio.HeldAfter(time.Hour, time.Hour+25*ms))
}
