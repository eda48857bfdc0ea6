// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

func raise(t *testing.T, sig syscall.Signal) {
	t.Helper()
	require.NoError(t, syscall.Kill(os.Getpid(), sig))
}

// notify returns a function that waits for a signal as package os/signal tells of it.
func notify(t *testing.T, sig syscall.Signal) (wait func()) {
	t.Helper()
	c := make(chan os.Signal, 100)
	signal.Notify(c, sig)
	t.Cleanup(func() { signal.Stop(c) })
	return func() { assert.Equal(t, sig, <-c) }
}

func turn(t *testing.T, l *uv.Loop) {
	t.Helper()
	_, err := l.Turn(uv.RunNoWait)
	require.NoError(t, err)
}

func TestSignalIsHeardOfBesideOsSignal(t *testing.T) {
	l := newLoop(t)
	s := newSignal(t, l)
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGTERM, syscall.SIGWINCH, syscall.SIGCHLD, syscall.SIGTSTP, syscall.SIGPIPE} {
		wait := notify(t, sig)
		uvtest.Raise(sig)
		wait() // before
		for range 3 {
			var heard events
			require.NoError(t, s.Start(sig, &heard))
			assert.Zero(t, uv.UnguardedSignal())
			uvtest.Raise(sig)
			heard.wait(t, l, 1)
			assert.Equal(t, int64(sig), heard[0].Value)
			wait() // during
			require.NoError(t, s.Stop())
			uvtest.Raise(sig)
			wait() // after
			turn(t, l)
			assert.Len(t, heard, 1)
		}
	}
}

func TestSignalOneshotIsForOne(t *testing.T) {
	l := newLoop(t)
	s := newSignal(t, l)
	wait := notify(t, syscall.SIGUSR1)
	var once, always events
	require.NoError(t, s.StartOneshot(syscall.SIGUSR1, &once))
	uvtest.Raise(syscall.SIGUSR1)
	once.wait(t, l, 1)
	assert.Zero(t, s.Signum())
	assert.False(t, s.IsActive())
	wait()
	uvtest.Raise(syscall.SIGUSR1)
	wait()
	turn(t, l)
	assert.Len(t, once, 1)
	require.NoError(t, s.Start(syscall.SIGUSR1, &always), "libuv alone would stop this one too")
	for i := range 3 {
		uvtest.Raise(syscall.SIGUSR1)
		always.wait(t, l, i+1)
	}
	require.NoError(t, s.StartOneshot(syscall.SIGUSR1, &once), "of a handle that runs")
	uvtest.Raise(syscall.SIGUSR1)
	once.wait(t, l, 2)
	assert.False(t, s.IsActive())
	assert.Len(t, always, 3)
}

func TestSignalOneshotThatFiresAsItIsStartedAnew(t *testing.T) {
	l := newLoop(t)
	s := newSignal(t, l)
	var once, always events
	require.NoError(t, s.StartOneshot(syscall.SIGTERM, uv.CompleterFunc(func(ev uv.Event) {
		once.Complete(ev)
		assert.NoError(t, s.Start(syscall.SIGTERM, &always))
	})))
	raise(t, syscall.SIGTERM)
	once.wait(t, l, 1)
	raise(t, syscall.SIGTERM)
	always.wait(t, l, 1)
}

func TestSignalReachesAllItsWatchers(t *testing.T) {
	loops := []*uv.Loop{newLoop(t), newLoop(t), newLoop(t)}
	var heard [9]events
	for i := range heard {
		s := newSignal(t, loops[i%3])
		if i < 3 {
			require.NoError(t, s.StartOneshot(syscall.SIGUSR1, &heard[i]))
		} else {
			require.NoError(t, s.Start(syscall.SIGUSR1, &heard[i]))
		}
	}
	other := newSignal(t, loops[0])
	var none events
	require.NoError(t, other.Start(syscall.SIGUSR2, &none))
	for n := 1; n <= 2; n++ {
		raise(t, syscall.SIGUSR1)
		for i := range heard {
			if i < 3 {
				heard[i].wait(t, loops[i%3], 1)
			} else {
				heard[i].wait(t, loops[i%3], n)
			}
		}
	}
	for i := range heard[:3] {
		assert.Len(t, heard[i], 1)
	}
	assert.Empty(t, none)
}

// libuv's pool has threads that Go did not make. Go puts the default action back for a signal that comes there and that nobody wants.
func TestSignalOnAForeignThreadIsHeardOf(t *testing.T) {
	l := newLoop(t)
	s := newSignal(t, l)
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGIO, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGTSTP, syscall.SIGCHLD} {
		var heard events
		require.NoError(t, s.Start(sig, &heard))
		uvtest.RaiseOnThread(sig)
		heard.wait(t, l, 1)
		require.NoError(t, s.Stop())
	}
}

// The usual end of a server: it hears of SIGTERM and stops watching, while other threads run. Go, which would end the process for one
// that nobody wants, has had it by then.
func TestSignalThatWasHeardOfDoesNotEndTheProcess(t *testing.T) {
	l := newLoop(t)
	var over atomic.Bool
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() {
			for !over.Load() {
			}
		})
	}
	s := newSignal(t, l)
	for range 20 {
		var heard events
		require.NoError(t, s.Start(syscall.SIGTERM, &heard))
		raise(t, syscall.SIGTERM)
		heard.wait(t, l, 1)
		require.NoError(t, s.Stop())
	}
	over.Store(true)
	busy.Wait()
}

// os/signal's Ignore puts SIG_IGN in the guard's place, and Notify then Go's handler: libuv's knows nothing of it.
func TestSignalIsGuardedAnewAfterIgnoreAndNotify(t *testing.T) {
	l := newLoop(t)
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM, syscall.SIGCHLD} {
		first, second := newSignal(t, l), newSignal(t, l)
		var heard, again events
		require.NoError(t, first.Start(sig, &heard))
		signal.Ignore(sig)
		wait := notify(t, sig)
		raise(t, sig)
		wait()
		require.NoError(t, second.Start(sig, &again))
		raise(t, sig)
		again.wait(t, l, 1)
		heard.wait(t, l, 1)
		wait()
		signal.Reset(sig)
		require.NoError(t, second.Start(sig, &again))
		raise(t, sig)
		again.wait(t, l, 2)
		signal.Ignore(sig)
		require.NoError(t, second.Start(sig, &again))
		raise(t, sig)
		again.wait(t, l, 3)
		require.NoError(t, first.Stop())
		require.NoError(t, second.Stop())
		uvtest.Raise(sig) // is ignored as before
		signal.Reset(sig)
		unignore(sig)
	}
}

// Go installs a handler for this one when somebody first asks for it.
func TestSignalIsGuardedAnewAfterTheFirstNotify(t *testing.T) {
	l := newLoop(t)
	const sig = syscall.SIGTTIN
	s := newSignal(t, l)
	var heard events
	require.NoError(t, s.Start(sig, &heard))
	raise(t, sig)
	heard.wait(t, l, 1)
	wait := notify(t, sig)
	require.NoError(t, s.Start(sig, &heard))
	raise(t, sig)
	heard.wait(t, l, 2)
	wait()
}

// unignore ends what signal.Ignore has done. Reset alone leaves the signal ignored.
func unignore(sig syscall.Signal) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, sig)
	signal.Stop(c)
}

// As with nohup: what this process ignores its children do.
func TestSignalThatWasIgnoredIsIgnoredByChildrenAgain(t *testing.T) {
	l := newLoop(t)
	const sig = syscall.SIGUSR2
	signal.Ignore(sig)
	defer unignore(sig)
	s := newSignal(t, l)
	var heard events
	require.NoError(t, s.Start(sig, &heard))
	raise(t, sig)
	heard.wait(t, l, 1)
	require.NoError(t, s.Stop())
	out, err := exec.Command("sh", "-c", "kill -USR2 $$; echo lives").CombinedOutput()
	assert.NoError(t, err)
	assert.Equal(t, "lives\n", string(out))
}

func TestSpawnIsHeardOfAfterIgnoreAndNotify(t *testing.T) {
	l := newLoop(t)
	for range 3 {
		signal.Ignore(syscall.SIGCHLD)
		wait := notify(t, syscall.SIGCHLD)
		require.NoError(t, exec.Command("true").Run())
		wait()
		var exits events
		p, err := uv.Spawn(l, uv.ProcessOptions{File: "false"}, &exits)
		require.NoError(t, err)
		assert.EqualValues(t, 1, finish(t, l, p, &exits).Value)
		wait()
		require.NoError(t, exec.Command("true").Run())
		wait()
	}
}

// What happens to a process that a signal should end, or should not: seen from outside.
func TestSignalsDoWhatTheyDidBefore(t *testing.T) {
	for what, end := range map[string]syscall.Signal{
		"watched":           0,
		"stopped":           syscall.SIGTERM,
		"closed":            syscall.SIGTERM,
		"once":              syscall.SIGTERM,
		"one of two":        0,
		"ignored":           0,
		"notified":          0,
		"reset and again":   0,
		"reset and stopped": syscall.SIGTERM,
	} {
		t.Run(what, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), "UV_TEST_CHILD=signal:"+what)
			out, err := cmd.CombinedOutput()
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if end == 0 {
				assert.NoError(t, err, "%s", out)
			} else {
				assert.True(t, status.Signaled() && status.Signal() == end, "%v %s", err, out)
			}
		})
	}
}

func init() { signalChild = raisesSIGTERM }

// raisesSIGTERM is what TestSignalsDoWhatTheyDidBefore looks at.
func raisesSIGTERM(what string) int {
	const sig = syscall.SIGTERM
	l, err := uv.NewLoop()
	if err != nil {
		return 2
	}
	s, _ := uv.NewSignal(l)
	const never = 1 << 30
	heard := 0
	count := uv.CompleterFunc(func(uv.Event) { heard++ })
	want := 1
	_ = s.Start(sig, count)
	switch what {
	case "stopped":
		_ = s.Stop()
		want = never
	case "closed":
		_ = s.Close(nil)
		want = never
	case "once":
		_ = s.StartOneshot(sig, count)
		_ = syscall.Kill(os.Getpid(), sig)
		for heard < 1 {
			_, _ = l.Turn(uv.RunOnce)
		}
		want = never
	case "one of two":
		two, _ := uv.NewSignal(l)
		_ = two.Start(sig, count)
		_ = two.Stop()
	case "ignored":
		_ = s.Stop()
		signal.Ignore(sig)
		_ = s.Start(sig, count)
		_ = s.Stop()
		want = 0
	case "notified":
		_ = s.Stop()
		c := make(chan os.Signal, 1)
		signal.Notify(c, sig)
		_ = syscall.Kill(os.Getpid(), sig)
		<-c
		return 0
	case "reset and again":
		signal.Reset(sig)
		_ = s.Start(sig, count)
	case "reset and stopped":
		signal.Reset(sig)
		_ = s.Start(sig, count)
		_ = s.Stop()
		want = never
	}
	_ = syscall.Kill(os.Getpid(), sig)
	for heard < want {
		_, _ = l.Turn(uv.RunOnce)
	}
	_ = exec.Command("true").Run() // the signal comes to some thread, and soon
	return 0
}
