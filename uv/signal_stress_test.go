// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// Threads that Go did not make get SIGPIPE by themselves, and it would end the process.
func TestSIGPIPEOnForeignThreadsIsAnError(t *testing.T) {
	l := newLoop(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, r.Close())
	assert.ErrorIs(t, uvtest.WriteOnThread(w.Fd()), syscall.EPIPE)
	result := uvtest.WriteInPool(l.Pointer(), w.Fd())
	require.NoError(t, l.Run(uv.RunDefault))
	assert.ErrorIs(t, result(), syscall.EPIPE)
	s := newSignal(t, l)
	var heard events
	require.NoError(t, s.Start(syscall.SIGPIPE, &heard))
	assert.ErrorIs(t, uvtest.WriteOnThread(w.Fd()), syscall.EPIPE)
	heard.wait(t, l, 1)
	require.NoError(t, s.Close(nil))
	assert.ErrorIs(t, uvtest.WriteOnThread(w.Fd()), syscall.EPIPE)
}

// What is not brought back ends the process.
func TestAResetOfSIGPIPEIsUndone(t *testing.T) {
	l := newLoop(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer w.Close()
	require.NoError(t, r.Close())
	sig := newSignal(t, l)
	var ends events
	for _, again := range []func() error{
		func() error {
			other, err := uv.NewLoop()
			require.NoError(t, err)
			return other.Close()
		},
		func() error { return sig.Start(syscall.SIGUSR1, ignore) },
		func() error {
			p, err := uv.Spawn(l, uv.ProcessOptions{File: "true"}, &ends)
			require.NoError(t, err)
			ends.wait(t, l, 1)
			return p.Close(nil)
		},
	} {
		signal.Reset(syscall.SIGPIPE)
		require.NoError(t, again())
		assert.ErrorIs(t, uvtest.WriteOnThread(w.Fd()), syscall.EPIPE)
	}
	require.NoError(t, sig.Close(nil))
}

// deep makes a goroutine's stack grow, and be moved.
func deep(n int) int {
	var pad [64]byte
	if n == 0 {
		return int(pad[0])
	}
	return deep(n-1) + int(pad[n%64])
}

// churn keeps goroutines with short lives and growing stacks, and the collector, busy until stop is called.
func churn() (stop func()) {
	done := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				var few sync.WaitGroup
				for i := range 8 {
					few.Go(func() { deep(i * 50) })
				}
				few.Wait()
			}
		})
	}
	all.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
				runtime.GC()
			}
		}
	})
	return func() {
		close(done)
		all.Wait()
	}
}

// libuv tells its loops of signals through a pipe, and forgets those that find it full: the loop was busy elsewhere for too many of
// them. The end of a child is not among what may be lost.
func TestTheEndOfAChildIsHeardOfAfterAFloodOfSignals(t *testing.T) {
	l := newLoop(t)
	s := newSignal(t, l)
	var exits events
	p := endAmidFlood(t, l, s, &exits)
	finish(t, l, p, &exits)
}

func TestTheEndOfAChildIsHeardOfAfterAFloodOfSignalsOnAnAdoptedLoop(t *testing.T) {
	host := uvtest.StartHost(uvtest.Once(func(loop unsafe.Pointer) {
		l := adopt(t, loop, uv.Host{})
		s := newSignal(t, l)
		var p *uv.Process
		p = endAmidFlood(t, l, s, uv.CompleterFunc(func(uv.Event) { end(t, l, s, p) }))
	}))
	assert.Zero(t, <-host.Ended())
}

// endAmidFlood returns a child that has ended when libuv's pipe was full.
func endAmidFlood(t *testing.T, l *uv.Loop, s *uv.Signal, c uv.Completer) *uv.Process {
	t.Helper()
	require.NoError(t, s.Start(syscall.SIGUSR1, ignore))
	p, err := uv.Spawn(l, uv.ProcessOptions{File: "sleep", Args: []string{"sleep", "60"}}, c)
	require.NoError(t, err)
	for range 10000 {
		uvtest.Raise(syscall.SIGUSR1)
	}
	require.NoError(t, p.Kill(syscall.SIGKILL))
	uvtest.WaitForEnd(p.Pid())
	return p
}

// TestSignalsAndChildrenAmidGoroutines spawns children under a flood of signals. UV_STRESS_SPAWNS says how many, 2000 for a
// serious run. With UV_STRESS_UNGUARDED=1 the signals are watched without the guard, and Go crashes ("traceback did
// not unwind completely", "unexpected signal"): that shows what the guard is for.
func TestSignalsAndChildrenAmidGoroutines(t *testing.T) {
	spawns := 100
	if n, err := strconv.Atoi(os.Getenv("UV_STRESS_SPAWNS")); err == nil {
		spawns = n
	}
	l := newLoop(t)
	var heard int
	if os.Getenv("UV_STRESS_UNGUARDED") != "" {
		uvtest.WatchUnguarded(l.Pointer(), syscall.SIGUSR1)
	} else {
		s := newSignal(t, l)
		require.NoError(t, s.Start(syscall.SIGUSR1, uv.CompleterFunc(func(uv.Event) { heard++ })))
	}
	wait := notify(t, syscall.SIGUSR1)
	stopChurn := churn()
	stopFlood := uvtest.Flood(syscall.SIGUSR1)
	running, ended := 0, 0
	for ended < spawns {
		for running < 8 && ended+running < spawns {
			running++
			var p *uv.Process
			p, err := uv.Spawn(l, uv.ProcessOptions{File: "true"}, uv.CompleterFunc(func(ev uv.Event) {
				running--
				ended++
				assert.Zero(t, ev.Value)
				assert.NoError(t, p.Close(nil))
			}))
			require.NoError(t, err)
		}
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	stopFlood()
	stopChurn()
	wait()
	assert.Positive(t, heard)
	assert.Zero(t, uv.UnguardedSignal())
	t.Logf("%d children, %d signals", ended, heard)
}
