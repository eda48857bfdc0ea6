// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// What is a C thread's to Go changes while others call Go: tasks are to be resumed all the same.
func TestTasksGoOnWhileOtherCThreadsAreInGo(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	var p *promise.Promise[promise.Unit]
	var r *promise.Resolver[promise.Unit]
	a := uvtest.StartHost(uvtest.Once(func(host unsafe.Pointer) {
		l, err := weftio.Adopt(host)
		if !assert.NoError(t, err) {
			return
		}
		release := l.Hold()
		p, r = promise.New[promise.Unit](l.Context(context.Background()))
		detachAfter(t, l, func(ctx context.Context) error {
			close(began)
			assert.NoError(t, p.Wait(ctx))
			release()
			return weftio.Sleep(ctx, time.Millisecond).Wait(ctx)
		})
	}))
	<-began
	var inside sync.WaitGroup
	var others []*uvtest.Host
	for range 8 {
		inside.Add(1)
		others = append(others, uvtest.StartHost(func(unsafe.Pointer, int) bool {
			inside.Done()
			<-end
			return false
		}))
	}
	inside.Wait()
	r.Resolve(promise.Unit{})
	assert.Equal(t, 0, ends(t, a))
	close(end)
	for _, h := range others {
		assert.Equal(t, 0, ends(t, h))
	}
}

func TestAStandInTurnsTheLoopOfACThread(t *testing.T) {
	defer weftio.StandIn()()
	var there []bool
	var host uint64
	here := func() {
		there = append(there, uv.StandsIn())
		assert.Equal(t, host, uv.ThreadNumber())
	}
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, _ unsafe.Pointer) {
		host = uv.ThreadNumber()
		promise.Go(ctx, func(ctx context.Context) error {
			here()
			assert.NoError(t, weftio.Sleep(ctx, time.Millisecond).Wait(ctx))
			here()
			assert.NoError(t, l.Do(ctx, here), "on the loop")
			return nil
		}).OnSettle(func(promise.Unit, error) {
			here()
			assert.ErrorIs(t, weftio.Sleep(ctx, time.Hour).Wait(ctx), promise.ErrWouldDeadlock)
			assert.NoError(t, l.Detach(func(error) { here() }))
		})
	}, weftio.OnStart(func(*weftio.Loop) { here() }), weftio.OnStop(func(*weftio.Loop) { here() }))
	assert.Equal(t, 0, closed)
	assert.Equal(t, []bool{true, true, true, true, true, true, false}, there, "the last is Detach's function")
}

func TestAStandInIsNotForThreadsOfGo(t *testing.T) {
	defer weftio.StandIn()()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stands := true
	h := uvtest.RunHost(uvtest.Once(func(host unsafe.Pointer) {
		l, err := weftio.Adopt(host)
		if !assert.NoError(t, err) {
			return
		}
		detachAfter(t, l, func(context.Context) error { stands = uv.StandsIn(); return nil })
	}))
	assert.Equal(t, 0, ends(t, h))
	assert.False(t, stands)
}

func TestPanicsOfAStandInReachTheHostsThread(t *testing.T) {
	assert.True(t, weftio.StandInTurn(func() bool { return true }))
	defer func() {
		err, _ := recover().(error)
		assert.ErrorContains(t, err, errTest.Error())
		assert.ErrorContains(t, err, "TestPanicsOfAStandIn", "with its stack")
	}()
	weftio.StandInTurn(func() bool { panic(errTest) })
}

// What holds on the host's thread holds on one that stands in for it, as on Windows.
func TestAStandInMayWhatTheHostsThreadMay(t *testing.T) {
	defer weftio.StandIn()()
	for name, test := range map[string]func(*testing.T){
		"two loops by turns":    TestTwoAdoptedLoopsByTurnsOnOneThread,
		"nested runs":           TestUVRunInsideATaskAndInsideAHostsCallback,
		"adopted again":         TestLoopIsAdoptedAgainAfterItWasDetached,
		"what keeps the host":   TestWhatKeepsTheHost,
		"panics":                TestPanicsInsideAnAdoptedLoop,
		"goroutines":            TestManyGoroutinesUseAnAdoptedLoop,
		"another thread":        TestLoopRunOnAnotherThreadThanItsOwn,
		"a callback of C's":     TestAwaitInACallbackOfTheHost,
		"adopted in a callback": TestATaskAdoptsAnotherLoopOfTheThread,
	} {
		t.Run(name, test)
	}
}

// Detach's function runs in a coroutine of the host's thread.
func TestAStandInIsAlsoForALoopThatIsAdoptedAgain(t *testing.T) {
	defer weftio.StandIn()()
	var there []bool
	var again func(host unsafe.Pointer)
	again = func(host unsafe.Pointer) {
		l, err := weftio.Adopt(host)
		if !assert.NoError(t, err) {
			return
		}
		assert.NoError(t, l.Post(func() {
			there = append(there, uv.StandsIn())
			assert.NoError(t, l.Detach(func(error) {
				if len(there) < 3 {
					again(host)
				}
			}))
		}))
	}
	assert.Equal(t, 0, ends(t, uvtest.StartHost(uvtest.Once(again))))
	assert.Equal(t, []bool{true, true, true}, there)
}

func TestATaskAdoptsAnotherLoopOfTheThread(t *testing.T) {
	n := 0
	h := uvtest.StartHost(uvtest.Once(func(first unsafe.Pointer) {
		a, err := weftio.Adopt(first)
		if !assert.NoError(t, err) {
			return
		}
		second := uvtest.MakeLoop()
		detachAfter(t, a, func(context.Context) error {
			b, err := weftio.Adopt(second)
			if err != nil {
				return err
			}
			detachAfter(t, b, func(ctx context.Context) error { n++; return weftio.Sleep(ctx, time.Millisecond).Wait(ctx) })
			return nil
		})
		uvtest.RunLoop(first, 0)
		uvtest.RunLoop(second, 0)
		assert.Zero(t, uvtest.FreeLoop(second))
	}))
	assert.Equal(t, 0, ends(t, h))
	assert.Equal(t, 1, n)
}
