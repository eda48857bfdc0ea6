// SPDX-License-Identifier: MIT

package uv_test

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// TestMain runs the tests, or is the program that they start: portable, unlike sh.
func TestMain(m *testing.M) {
	if what := os.Getenv("UV_TEST_CHILD"); what != "" {
		os.Exit(child(what))
	}
	os.Exit(m.Run())
}

// signalChild is for Unix.
var signalChild func(what string) int

func child(what string) int {
	if what, ok := strings.CutPrefix(what, "signal:"); ok {
		return signalChild(what)
	}
	switch what {
	case "exit":
		return 0
	case "seven":
		return 7
	case "sleep":
		time.Sleep(time.Minute)
	case "copy": // input to output, and a line to stderr
		fmt.Fprintln(os.Stderr, "copying")
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			return 1
		}
	case "args":
		fmt.Print(strings.Join(os.Args[1:], "|"))
	case "where":
		dir, _ := os.Getwd()
		fmt.Print(dir, "|", os.Getenv("UV_TEST_MORE"))
	}
	return 0
}

func init() {
	handleTypes[uv.TypeProcess] = handleType{&uv.Process{}, func(_ *testing.T, l *uv.Loop) (handle, error) {
		return spawnSelf(l, "exit", nil, ignore)
	}}
	handleTypes[uv.TypeSignal] = handleType{&uv.Signal{}, func(_ *testing.T, l *uv.Loop) (handle, error) { return uv.NewSignal(l) }}
}

// spawnSelf starts this program as a child.
func spawnSelf(l *uv.Loop, what string, stdio []uv.Stdio, c uv.Completer) (*uv.Process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return uv.Spawn(l, uv.ProcessOptions{File: exe, Args: []string{"child", "a b", `"`, ""},
		Env: append(os.Environ(), "UV_TEST_CHILD="+what, "UV_TEST_MORE=more"), Stdio: stdio}, c)
}

// output reads a pipe to its end.
type output struct {
	text strings.Builder
	end  uv.Errno
}

func (o *output) Complete(ev uv.Event) {
	o.text.Write(ev.Data)
	o.end = ev.Status
}

// pipeTo returns a pipe for a child to read.
func pipeTo(t *testing.T, l *uv.Loop) (*uv.Pipe, uv.Stdio) {
	t.Helper()
	p, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	return p, uv.CreatePipe(p, uv.ReadablePipe)
}

// pipeFrom returns a pipe for a child to write.
func pipeFrom(t *testing.T, l *uv.Loop) (*uv.Pipe, uv.Stdio) {
	t.Helper()
	p, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	return p, uv.CreatePipe(p, uv.WritablePipe)
}

// finish waits for a child's end and for that of what it writes, which come in any order, closes all, and returns the first.
func finish(t *testing.T, l *uv.Loop, p *uv.Process, exits *events, outs ...*uv.Pipe) uv.Event {
	t.Helper()
	outputs := make([]output, len(outs))
	for i, out := range outs {
		require.NoError(t, out.ReadStart(&outputs[i]))
	}
	return finishReading(t, l, p, exits, outs, outputs)
}

func finishReading(t *testing.T, l *uv.Loop, p *uv.Process, exits *events, outs []*uv.Pipe, outputs []output) uv.Event {
	t.Helper()
	exits.wait(t, l, 1)
	for i := range outs {
		for outputs[i].end == 0 {
			_, err := l.Turn(uv.RunOnce)
			require.NoError(t, err)
		}
		assert.Equal(t, uv.EOF, outputs[i].end)
		require.NoError(t, outs[i].Close(nil))
	}
	assert.Equal(t, uv.ESRCH, p.Kill(0))
	require.NoError(t, p.Close(nil))
	assert.Len(t, *exits, 1)
	return (*exits)[0]
}

func TestSpawnTellsTheExitStatus(t *testing.T) {
	l := newLoop(t)
	for what, status := range map[string]int64{"exit": 0, "seven": 7} {
		var exits events
		p, err := spawnSelf(l, what, nil, &exits)
		require.NoError(t, err)
		assert.Positive(t, p.Pid())
		assert.True(t, p.IsActive() && p.HasRef())
		ev := finish(t, l, p, &exits)
		assert.Zero(t, ev.Status)
		assert.Equal(t, status, ev.Value)
		assert.Zero(t, ev.TermSignal())
	}
}

func TestProcessIsKilled(t *testing.T) {
	l := newLoop(t)
	for _, kill := range []func(p *uv.Process) error{
		func(p *uv.Process) error { return p.Kill(syscall.SIGTERM) },
		func(p *uv.Process) error { return uv.Kill(p.Pid(), syscall.SIGTERM) },
	} {
		var exits events
		p, err := spawnSelf(l, "sleep", nil, &exits)
		require.NoError(t, err)
		require.NoError(t, p.Kill(0), "it is there")
		require.NoError(t, kill(p))
		ev := finish(t, l, p, &exits)
		if runtime.GOOS == "windows" { // where a process ends itself, so to speak
			assert.EqualValues(t, 1, ev.Value)
		} else {
			assert.Zero(t, ev.Value)
			assert.Equal(t, syscall.SIGTERM, ev.TermSignal())
		}
		assert.ErrorIs(t, p.Kill(syscall.SIGTERM), uv.ErrClosed)
	}
}

func TestSpawnPipesBothWays(t *testing.T) {
	l := newLoop(t)
	in, stdin := pipeTo(t, l)
	out, stdout := pipeFrom(t, l)
	errs, stderr := pipeFrom(t, l)
	var exits, writes events
	p, err := spawnSelf(l, "copy", []uv.Stdio{stdin, stdout, stderr}, &exits)
	require.NoError(t, err)
	assert.True(t, in.IsWritable() && out.IsReadable())
	assert.False(t, in.IsReadable() || out.IsWritable())
	text := strings.Repeat("0123456789abcdef", 1<<14) // more than any pipe holds
	b, n := buffer(l, text)
	require.NoError(t, in.Write(b, n, &writes))
	require.NoError(t, in.Shutdown(ignore))
	outputs := make([]output, 2)
	require.NoError(t, out.ReadStart(&outputs[0]))
	require.NoError(t, errs.ReadStart(&outputs[1]))
	writes.wait(t, l, 1)
	b.Free()
	ev := finishReading(t, l, p, &exits, []*uv.Pipe{out, errs}, outputs)
	require.NoError(t, in.Close(nil))
	assert.Zero(t, ev.Value)
	assert.Equal(t, text, outputs[0].text.String())
	assert.Equal(t, "copying", strings.TrimSpace(outputs[1].text.String()))
}

func TestSpawnPassesArgumentsAndEnvironment(t *testing.T) {
	l := newLoop(t)
	for what, want := range map[string]string{"args": `a b|"|`, "where": "|more"} {
		out, stdout := pipeFrom(t, l)
		var exits events
		p, err := spawnSelf(l, what, []uv.Stdio{uv.Ignore(), stdout}, &exits)
		require.NoError(t, err)
		outputs := make([]output, 1)
		require.NoError(t, out.ReadStart(&outputs[0]))
		finishReading(t, l, p, &exits, []*uv.Pipe{out}, outputs)
		assert.True(t, strings.HasSuffix(outputs[0].text.String(), want), "%q", outputs[0].text.String())
	}
}

func TestSpawnInheritsFiles(t *testing.T) {
	l := newLoop(t)
	file, err := os.CreateTemp("", "") // Wine does not remove what was inherited with its folder
	require.NoError(t, err)
	defer os.Remove(file.Name())
	defer file.Close()
	var exits events
	p, err := spawnSelf(l, "args", []uv.Stdio{uv.Ignore(), uv.InheritFd(file.Fd()), uv.InheritFd(file.Fd())}, &exits)
	require.NoError(t, err)
	finish(t, l, p, &exits)
	b, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	assert.Equal(t, `a b|"|`, string(b))
	_, err = file.WriteString("still ours")
	assert.NoError(t, err)
}

func TestSpawnRefusesWhatLibuvAbortsFor(t *testing.T) {
	l := newLoop(t)
	open, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	closed, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	require.NoError(t, closed.Close(nil))
	unconnected, err := uv.NewTCP(l)
	require.NoError(t, err)
	readable := uv.CreatePipe(open, uv.ReadablePipe)
	const file = "a program that is not there"
	for i, c := range []struct {
		o    uv.ProcessOptions
		want error
	}{
		{uv.ProcessOptions{}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Args: []string{}}, uv.EINVAL},
		{uv.ProcessOptions{File: "a\x00b"}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Args: []string{"a\x00b"}}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Env: []string{"a\x00b"}}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Dir: "a\x00b"}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Flags: 1 << 20}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Stdio: make([]uv.Stdio, 256)}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Stdio: []uv.Stdio{uv.CreatePipe(closed, uv.ReadablePipe)}}, uv.ErrClosed},
		{uv.ProcessOptions{File: file, Stdio: []uv.Stdio{uv.CreatePipe(&uv.Pipe{}, uv.ReadablePipe)}}, uv.ErrClosed},
		{uv.ProcessOptions{File: file, Stdio: []uv.Stdio{uv.CreatePipe(open, 0)}}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Stdio: []uv.Stdio{uv.CreatePipe(open, 0xff)}}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Stdio: []uv.Stdio{readable, readable}}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Stdio: []uv.Stdio{uv.InheritStream(nil)}}, uv.EINVAL},
		{uv.ProcessOptions{File: file, Stdio: []uv.Stdio{uv.InheritStream(&open.Stream)}}, uv.EBADF},
		{uv.ProcessOptions{File: file, Stdio: []uv.Stdio{uv.InheritStream(&unconnected.Stream)}}, uv.EBADF},
		{uv.ProcessOptions{File: file, Stdio: []uv.Stdio{uv.InheritFd(^uintptr(0))}}, uv.EBADF},
		{uv.ProcessOptions{File: file, Stdio: []uv.Stdio{uv.InheritFd(1 << 20)}}, uv.EBADF},
	} {
		p, err := uv.Spawn(l, c.o, ignore)
		assert.ErrorIs(t, err, c.want, i)
		assert.Nil(t, p)
	}
	assert.Equal(t, 3, l.Stats().Handles, "no handle of a process is left")
	require.NoError(t, unconnected.Close(nil))
	require.NoError(t, open.Close(nil))
	other, err := uv.NewLoop()
	require.NoError(t, err)
	foreign, err := uv.NewPipe(other, false)
	require.NoError(t, err)
	_, err = uv.Spawn(l, uv.ProcessOptions{File: file, Stdio: []uv.Stdio{uv.CreatePipe(foreign, uv.ReadablePipe)}}, ignore)
	assert.Equal(t, uv.EINVAL, err)
	require.NoError(t, foreign.Close(nil))
	require.NoError(t, other.Run(uv.RunDefault))
	require.NoError(t, other.Close())
	_, err = uv.Spawn(other, uv.ProcessOptions{File: file}, ignore)
	assert.Equal(t, uv.ErrClosed, err)
}

func TestSpawnOfNothingLeavesNothing(t *testing.T) {
	l := newLoop(t)
	var exits events
	for _, o := range []uv.ProcessOptions{
		{File: "a program that is not there"},
		{File: os.Args[0], Dir: "a directory that is not there"},
	} {
		in, stdin := pipeTo(t, l)
		o.Stdio = []uv.Stdio{stdin}
		p, err := uv.Spawn(l, o, &exits)
		assert.ErrorIs(t, err, os.ErrNotExist)
		assert.Nil(t, p)
		require.NoError(t, in.Close(nil), "that is the caller's")
		require.NoError(t, l.Run(uv.RunDefault))
		assert.Zero(t, l.Stats().Handles)
		assert.Zero(t, l.Stats().Tokens)
	}
	assert.Empty(t, exits)
}

func TestProcessClosedBeforeItsEndTellsNothing(t *testing.T) {
	l := newLoop(t)
	var exits, closes events
	p, err := spawnSelf(l, "sleep", nil, &exits)
	require.NoError(t, err)
	require.NoError(t, p.Close(&closes))
	closes.wait(t, l, 1)
	assert.Empty(t, exits)
	require.NoError(t, uv.Kill(p.Pid(), syscall.SIGKILL), "it runs on")
}
