// SPDX-License-Identifier: MIT

//go:build unix

package io_test

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// churn keeps goroutines with small, growing stacks running until the returned function is called.
func churn() (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				var inner sync.WaitGroup
				for i := range 50 {
					inner.Go(func() { grow(i) })
				}
				inner.Wait()
				runtime.GC()
			}
		})
	}
	return func() { close(done); wg.Wait() }
}

//go:noinline
func grow(n int) byte {
	var room [128]byte
	if n > 0 {
		room[n%128] = grow(n - 1)
	}
	return room[n%128]
}

// Without the guard that Adopt installs, libuv's handler for SIGCHLD runs on goroutines' stacks. UV_STRESS_SPAWNS says how many
// children there are: ci/stress wants 2,000.
func TestChildrenAndSignalsOfTheHost(t *testing.T) {
	n := 200
	if wanted, err := strconv.Atoi(os.Getenv("UV_STRESS_SPAWNS")); err == nil {
		n = wanted
	}
	stop := churn()
	defer stop()
	var children *uvtest.Children
	signals := 0
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		uvtest.WatchSignal(host, syscall.SIGUSR2)
		assert.NoError(t, uv.GuardSignal(syscall.SIGUSR2))
		children = uvtest.StartChildren(host, n, 4)
		detachAfter(t, l, func(ctx context.Context) error {
			for well, badly := 0, 0; well+badly < n; well, badly = children.Ended() {
				if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR2); err != nil {
					return err
				}
				if err := weftio.Sleep(ctx, time.Millisecond).Wait(ctx); err != nil {
					return err
				}
			}
			signals = uvtest.UnwatchSignal()
			out, err := promise.Offload(ctx, func(context.Context) (string, error) {
				out, err := exec.Command("echo", "os/exec works").CombinedOutput()
				return string(out), err
			}).Await(ctx)
			assert.Equal(t, "os/exec works\n", out)
			return err
		})
	})
	assert.Equal(t, 0, closed)
	well, badly := children.Ended()
	children.Free()
	assert.Equal(t, n, well)
	assert.Zero(t, badly)
	assert.NotZero(t, signals)
	assert.Zero(t, uv.UnguardedSignal())
}

func TestHostForks(t *testing.T) {
	closed := onHost(t, func(l *weftio.Loop, ctx context.Context, host unsafe.Pointer) {
		uvtest.Tick(host, time.Millisecond, 10, func() {
			assert.Zero(t, uvtest.ForkAndExec())
			assert.Equal(t, 7, uvtest.ForkAndExit())
		})
		detachAfter(t, l, func(ctx context.Context) error {
			return weftio.Sleep(ctx, 50*time.Millisecond).Wait(ctx)
		})
	})
	assert.Equal(t, 0, closed)
}
