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
	"github.com/stretchr/testify/require"
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
	var threads []uint64
	here := func() { threads = append(threads, uv.ThreadNumber()) }
	var host, done uint64
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
			assert.NoError(t, l.Detach(func(error) { done = uv.ThreadNumber() }))
		})
	}, weftio.OnStart(func(*weftio.Loop) { here() }), weftio.OnStop(func(*weftio.Loop) { here() }))
	assert.Equal(t, 0, closed)
	assert.Equal(t, host, done, "Detach's function")
	require.Len(t, threads, 6)
	assert.NotEqual(t, host, threads[0])
	for _, n := range threads {
		assert.Equal(t, threads[0], n)
	}
}

func TestAStandInIsNotForThreadsOfGo(t *testing.T) {
	defer weftio.StandIn()()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var task uint64
	h := uvtest.RunHost(uvtest.Once(func(host unsafe.Pointer) {
		l, err := weftio.Adopt(host)
		if !assert.NoError(t, err) {
			return
		}
		detachAfter(t, l, func(context.Context) error { task = uv.ThreadNumber(); return nil })
	}))
	assert.Equal(t, 0, ends(t, h))
	assert.Equal(t, uv.ThreadNumber(), task)
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
