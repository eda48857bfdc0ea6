// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
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

// The host polls for 300 ms; its prepare handle, started before ours, runs after ours. What it causes must not wait for that.
func TestNewsOfAHostsPrepareHandleDoesNotWaitForItsPoll(t *testing.T) {
	var took time.Duration
	closed := ends(t, uvtest.StartHost(uvtest.Once(func(host unsafe.Pointer) {
		var l *weftio.Loop
		var r *promise.Resolver[int]
		turns := 0
		var begin time.Time
		var stop func()
		stop = uvtest.Prepare(host, func() { // before ours was started
			if turns++; turns == 3 {
				begin = time.Now()
				r.Resolve(1)
				stop()
			}
		})
		uvtest.Tick(host, time.Millisecond, 4, nil)
		uvtest.Tick(host, 300*time.Millisecond, 1, nil)
		l, err := weftio.Adopt(host)
		if !assert.NoError(t, err) {
			return
		}
		var p *promise.Promise[int]
		p, r = promise.New[int](l.Context(context.Background()))
		p.OnSettle(func(int, error) {
			took = time.Since(begin)
			assert.NoError(t, l.Detach(nil))
		})
	})))
	assert.Equal(t, 0, closed)
	assert.NotZero(t, took)
	assert.Less(t, took, 200*time.Millisecond)
}

func TestTimersOfAnAdoptedLoopDoNotWaitForTheHostsPoll(t *testing.T) {
	var took time.Duration
	onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		uvtest.Tick(host, 300*time.Millisecond, 1, nil)
		done := false
		stop := uvtest.Prepare(host, func() {
			if !done { // asks for a timer in front of the poll, after our own prepare handle has run
				done = true
				begin := time.Now()
				weftio.Sleep(ctx, 5*time.Millisecond).OnSettle(func(promise.Unit, error) { took = time.Since(begin) })
			}
		})
		weftio.Sleep(ctx, 50*time.Millisecond).OnSettle(func(promise.Unit, error) {
			stop()
			assert.NoError(t, l.Detach(nil))
		})
	})
	assert.NotZero(t, took)
	assert.Less(t, took, 200*time.Millisecond)
}

func TestHostsLastHandleClosesWhileWorkIsRunnable(t *testing.T) {
	for range 20 {
		ran := false
		var l *weftio.Loop
		ends(t, uvtest.StartHost(func(host unsafe.Pointer, runs int) bool {
			switch runs {
			case 0:
				var err error
				l, err = weftio.Adopt(host)
				assert.NoError(t, err)
				uvtest.Tick(host, time.Millisecond, 1, func() { // in the loop's last turn
					uvtest.CallOnClose(host, func() {
						promise.Go(l.Context(context.Background()), func(ctx context.Context) error {
							err := promise.Pause(ctx).Wait(ctx)
							ran = true
							return err
						})
					})
				})
			case 1:
				assert.True(t, ran, "before uv_run has returned")
				assert.NoError(t, l.Detach(nil))
			}
			return runs < 2
		}))
	}
}

func TestHostStopsAndRunsAgain(t *testing.T) {
	steps := 0
	var l *weftio.Loop
	closed := ends(t, uvtest.StartHost(func(host unsafe.Pointer, runs int) bool {
		switch {
		case runs == 0:
			var err error
			l, err = weftio.Adopt(host)
			assert.NoError(t, err)
			detachAfter(t, l, func(ctx context.Context) error {
				for range 10 {
					steps++
					uvtest.Stop(host) // the host's own uv_stop, with our work pending
					if err := weftio.Sleep(ctx, time.Millisecond).Wait(ctx); err != nil {
						return err
					}
				}
				return nil
			})
		case l.Post(func() {}) != nil: // detached
			return false
		}
		return runs < 10000
	}))
	assert.Equal(t, 0, closed)
	assert.Equal(t, 10, steps)
}

func TestHostClosesItsLoopWithoutDetach(t *testing.T) {
	var l *weftio.Loop
	closed := ends(t, uvtest.StartHost(func(host unsafe.Pointer, runs int) bool {
		switch runs {
		case 0:
			var err error
			l, err = weftio.Adopt(host)
			assert.NoError(t, err)
		case 1:
			assert.Equal(t, int(uv.EBUSY), uvtest.CloseLoop(host))
			_, err := weftio.Adopt(host)
			assert.ErrorContains(t, err, "adopted already")
			assert.NoError(t, l.Detach(nil))
		}
		return runs < 2
	}))
	assert.Equal(t, 0, closed)
}

func TestPanicsInsideAnAdoptedLoop(t *testing.T) {
	var reported []error
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		assert.NoError(t, l.Post(func() { panic(errTest) }))
		weftio.Sleep(ctx, 0).OnSettle(func(promise.Unit, error) { panic(errTest) })
		promise.Go(ctx, func(context.Context) error { panic(errTest) })
		promise.Go(ctx, func(context.Context) error { runtime.Goexit(); return nil })
		assert.NoError(t, l.Post(runtime.Goexit))
		weftio.Sleep(ctx, 5*time.Millisecond).OnSettle(func(promise.Unit, error) {
			assert.NoError(t, l.Detach(func(error) { panic(errTest) }))
		})
	}, weftio.OnError(func(err error) { reported = append(reported, err) }),
		weftio.OnStart(func(*weftio.Loop) { panic(errTest) }), weftio.OnStop(func(*weftio.Loop) { runtime.Goexit() }))
	assert.Equal(t, 0, closed)
	n := 0
	for _, err := range reported {
		if errors.Is(err, errTest) {
			n++
		}
	}
	assert.Equal(t, 5, n, "%v", reported)
}

func TestAwaitInACallbackOfTheHost(t *testing.T) {
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		p := weftio.Sleep(ctx, time.Hour)
		assert.ErrorIs(t, p.Wait(ctx), promise.ErrWouldDeadlock, "in front of uv_run")
		ticks := 0
		uvtest.Tick(host, time.Millisecond, 3, func() {
			ticks++
			assert.ErrorIs(t, p.Wait(ctx), promise.ErrWouldDeadlock)
			ran := false
			assert.NoError(t, l.Do(ctx, func() { ran = true }), "on the loop's thread")
			assert.True(t, ran)
		})
		detachAfter(t, l, func(ctx context.Context) error {
			uvtest.Call(func() { assert.ErrorIs(t, p.Wait(ctx), promise.ErrWouldDeadlock) })
			for ticks < 3 {
				if err := weftio.Sleep(ctx, time.Millisecond).Wait(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	})
	assert.Equal(t, 0, closed)
}

func TestUVRunInsideATaskAndInsideAHostsCallback(t *testing.T) {
	var faults atomic.Int32
	var order []string
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		detachAfter(t, l, func(ctx context.Context) error {
			// From here on: it is the first turn that says how deep a turn is.
			uvtest.Tick(host, time.Millisecond, 3, func() {
				// A Go function that C has called runs the loop: coroutines could not be resumed there.
				_ = l.Post(func() {})
				uvtest.RunLoop(host, 2)
			})
			other := promise.Go(ctx, func(ctx context.Context) error { order = append(order, "other"); return nil })
			order = append(order, "before")
			uvtest.RunLoop(host, 2) // NOWAIT: nothing of ours may run here
			order = append(order, "after")
			uvtest.Tick(host, time.Millisecond, 3, func() { // not before the loop has been run as it will be
				// A Go function that C has called runs the loop: coroutines could not be resumed there.
				_ = l.Post(func() {})
				uvtest.RunLoop(host, 2)
			})
			if err := other.Wait(ctx); err != nil {
				return err
			}
			return weftio.Sleep(ctx, 10*time.Millisecond).Wait(ctx)
		})
	}, weftio.OnError(func(err error) {
		assert.ErrorIs(t, err, uv.ErrDepth)
		faults.Add(1)
	}))
	assert.Equal(t, 0, closed)
	assert.Equal(t, []string{"before", "after", "other"}, order)
	assert.Eventually(t, func() bool { return faults.Load() == 1 }, 5*time.Second, time.Millisecond, "said once")
}

func TestLoopRunOnAnotherThreadThanItsOwn(t *testing.T) {
	var faults, ran atomic.Int32
	var l *weftio.Loop
	told := make(chan struct{})
	h := uvtest.StartHost(func(host unsafe.Pointer, runs int) bool {
		if runs > 0 {
			return false
		}
		done := make(chan struct{})
		go func() { // adopts on a thread that is not the one that runs the loop
			runtime.LockOSThread()
			defer close(done)
			var err error
			l, err = weftio.Adopt(host, weftio.OnError(func(err error) {
				if assert.ErrorIs(t, err, uv.ErrStrangeThread) && faults.Add(1) == 1 {
					close(told)
				}
			}))
			assert.NoError(t, err)
			_ = l.Post(func() { ran.Add(1) })
		}()
		<-done
		uvtest.Tick(host, time.Millisecond, 20, nil)
		return true
	})
	assert.Equal(t, int(uv.EBUSY), ends(t, h), "uv_run has returned, and nothing crashed")
	<-told
	assert.EqualValues(t, 1, faults.Load())
	assert.Zero(t, ran.Load())
}

func TestAdoptOnAThreadOfGo(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for range 3 {
		n := 0
		h := uvtest.RunHost(uvtest.Once(func(host unsafe.Pointer) {
			l, err := weftio.Adopt(host)
			require.NoError(t, err)
			detachAfter(t, l, func(ctx context.Context) error {
				for range 10 {
					n++
					if err := weftio.Sleep(ctx, time.Millisecond).Wait(ctx); err != nil {
						return err
					}
				}
				return nil
			})
		}))
		assert.Equal(t, 0, <-h.Ended())
		assert.Equal(t, 10, n)
		id, _ := uv.CurrentThread()
		assert.Zero(t, id, "the thread is nobody's")
	}
}

func TestManyGoroutinesUseAnAdoptedLoop(t *testing.T) {
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		release := l.Hold()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				for range 20 {
					assert.NoError(t, l.Do(ctx, func() {}))
					assert.NoError(t, weftio.Sleep(ctx, time.Duration(i)*10*time.Microsecond).Wait(ctx))
					l.Hold()()
				}
			})
		}
		go func() {
			wg.Wait()
			assert.NoError(t, l.Detach(nil))
			release()
		}()
	})
	assert.Equal(t, 0, closed)
}

func TestHooksAreTheFirstAndTheLast(t *testing.T) {
	var order []string
	note := func(s string) func(*weftio.Loop) {
		return func(l *weftio.Loop) {
			order = append(order, s)
			assert.NoError(t, l.Do(context.Background(), func() {}), "it runs on the loop's thread")
			assert.NotNil(t, l.UVLoop())
		}
	}
	hooks := []weftio.Option{weftio.OnStart(note("start")), weftio.OnStart(note("start again")), weftio.OnStop(note("stop")), weftio.OnStop(note("stop first"))}
	want := []string{"start", "start again", "main", "settled", "stop first", "stop"}

	require.NoError(t, weftio.Run(t.Context(), func(ctx context.Context) error {
		order = append(order, "main")
		promise.Go(ctx, func(ctx context.Context) error {
			err := weftio.Sleep(ctx, time.Hour).Wait(ctx)
			order = append(order, "settled")
			return err
		})
		return promise.Pause(ctx).Wait(ctx)
	}, hooks...))
	assert.Equal(t, want, order)

	order = nil
	onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		assert.Empty(t, order, "nothing runs inside Adopt")
		promise.Go(ctx, func(ctx context.Context) error {
			order = append(order, "main")
			_ = l.Post(func() { _ = l.Detach(nil) })
			err := weftio.Sleep(ctx, time.Hour).Wait(ctx)
			order = append(order, "settled")
			return err
		})
	}, hooks...)
	assert.Equal(t, want, order)
}

func TestHookMayCloseHandlesOfACLibrary(t *testing.T) {
	var stop func()
	ticks := 0
	require.NoError(t, weftio.Run(t.Context(), func(ctx context.Context) error {
		return weftio.Sleep(ctx, 5*time.Millisecond).Wait(ctx)
	}, weftio.OnStart(func(l *weftio.Loop) { stop = uvtest.Prepare(l.UVLoop(), func() { ticks++ }) }),
		weftio.OnStop(func(*weftio.Loop) { stop() })))
	assert.NotZero(t, ticks)
}

func TestDetachNamesWhatDoesNotEnd(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	var derr error
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		forever, _ := promise.New[int](ctx)
		promise.Go(ctx, func(ctx context.Context) error { return stubbornTask(ctx, forever) })
		promise.Offload(ctx, func(context.Context) (int, error) { return stubbornOffload(release) })
		weftio.Sleep(ctx, 5*time.Millisecond).OnSettle(func(promise.Unit, error) {
			assert.NoError(t, l.Detach(func(err error) { derr = err }))
		})
	}, weftio.Grace(20*time.Millisecond))
	assert.Equal(t, 0, closed)
	assert.ErrorContains(t, derr, "task github.com/weft-go/weft/io_test.TestDetachNamesWhatDoesNotEnd")
	assert.ErrorContains(t, derr, "offload github.com/weft-go/weft/io_test.TestDetachNamesWhatDoesNotEnd")
}
