// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// sh runs a script to its end and returns what it wrote to descriptor 1.
func sh(t *testing.T, l *uv.Loop, script string, change func(o *uv.ProcessOptions)) (string, uv.Event) {
	t.Helper()
	out, stdout := pipeFrom(t, l)
	o := uv.ProcessOptions{File: "sh", Args: []string{"sh", "-c", script}, Stdio: []uv.Stdio{uv.Ignore(), stdout}}
	if change != nil {
		change(&o)
	}
	var exits events
	p, err := uv.Spawn(l, o, &exits)
	require.NoError(t, err)
	outputs := make([]output, 1)
	require.NoError(t, out.ReadStart(&outputs[0]))
	ev := finishReading(t, l, p, &exits, []*uv.Pipe{out}, outputs)
	return outputs[0].text.String(), ev
}

// gone waits until nobody has to wait for a child any more: it is no zombie. The signal that tells of its end is the system's to
// deliver when it wants.
func gone(t *testing.T, pid int) {
	t.Helper()
	assert.Eventually(t, func() bool { return syscall.Kill(pid, 0) == syscall.ESRCH }, 10*time.Second, time.Millisecond,
		"process %d is still there", pid)
}

func TestSpawnOfRealPrograms(t *testing.T) {
	l := newLoop(t)
	for file, status := range map[string]int64{"true": 0, "false": 1} {
		var exits events
		p, err := uv.Spawn(l, uv.ProcessOptions{File: file}, &exits)
		require.NoError(t, err)
		assert.Equal(t, status, finish(t, l, p, &exits).Value)
		gone(t, p.Pid())
	}
	for sig := range map[syscall.Signal]bool{syscall.SIGTERM: true, syscall.SIGKILL: true, syscall.SIGUSR1: true, syscall.SIGPIPE: true} {
		var exits events
		p, err := uv.Spawn(l, uv.ProcessOptions{File: "sleep", Args: []string{"sleep", "60"}}, &exits)
		require.NoError(t, err)
		require.NoError(t, p.Kill(sig))
		ev := finish(t, l, p, &exits)
		assert.Equal(t, sig, ev.TermSignal(), "no disposition of ours is inherited")
		assert.Zero(t, ev.Value)
		gone(t, p.Pid())
	}
}

func TestSpawnHasTheEnvironmentAndDirectoryItIsGiven(t *testing.T) {
	l := newLoop(t)
	t.Setenv("UV_TEST_SET", "by Go")
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	text, _ := sh(t, l, "pwd; echo $UV_TEST_SET", func(o *uv.ProcessOptions) { o.Dir = dir })
	assert.Equal(t, dir+"\nby Go\n", text)
	text, _ = sh(t, l, "", func(o *uv.ProcessOptions) {
		o.File, o.Args, o.Env = "/usr/bin/env", []string{"env"}, []string{"A=1", "B=x y"}
	})
	assert.Equal(t, "A=1\nB=x y\n", text)
	text, _ = sh(t, l, "", func(o *uv.ProcessOptions) { o.File, o.Args, o.Env = "/usr/bin/env", nil, []string{} })
	assert.Empty(t, text, "empty is not the same as none")
	text, _ = sh(t, l, "", func(o *uv.ProcessOptions) {
		o.File, o.Args, o.Env = "env", []string{"env"}, []string{"PATH=/usr/bin:/bin"}
	})
	assert.Equal(t, "PATH=/usr/bin:/bin\n", text, "found along the child's own PATH")
}

func TestSpawnStdoutAndStderrOfOneDescriptor(t *testing.T) {
	l := newLoop(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	var exits events
	p, err := uv.Spawn(l, uv.ProcessOptions{File: "sh", Args: []string{"sh", "-c", "echo out; echo err >&2; echo more"},
		Stdio: []uv.Stdio{uv.Ignore(), uv.InheritFd(w.Fd()), uv.InheritFd(w.Fd())}}, &exits)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	finish(t, l, p, &exits)
	b := make([]byte, 100)
	n, err := r.Read(b)
	require.NoError(t, err)
	assert.Equal(t, "out\nerr\nmore\n", string(b[:n]))
}

func TestSpawnDescriptorsAboveTwo(t *testing.T) {
	l := newLoop(t)
	in, three := pipeTo(t, l)
	out, five := pipeFrom(t, l)
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer file.Close()
	var exits events
	script := "cat <&3 >&5; echo file >&6; echo x 2>/dev/null >&4 || echo closed >&5"
	p, err := uv.Spawn(l, uv.ProcessOptions{File: "sh", Args: []string{"sh", "-c", script},
		Stdio: []uv.Stdio{uv.Ignore(), uv.Ignore(), uv.Ignore(), three, uv.Ignore(), five, uv.InheritFd(file.Fd())}}, &exits)
	require.NoError(t, err)
	require.NoError(t, in.Send([]byte("through three\n"), false, ignore))
	require.NoError(t, in.Shutdown(ignore))
	outputs := make([]output, 1)
	require.NoError(t, out.ReadStart(&outputs[0]))
	finishReading(t, l, p, &exits, []*uv.Pipe{out}, outputs)
	require.NoError(t, in.Close(nil))
	assert.Equal(t, "through three\nclosed\n", outputs[0].text.String())
	b, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	assert.Equal(t, "file\n", string(b))
}

func TestSpawnManyDescriptors(t *testing.T) {
	l := newLoop(t)
	stdio := make([]uv.Stdio, 20)
	outs := make([]*uv.Pipe, len(stdio))
	outputs := make([]output, len(stdio))
	for i := range stdio {
		outs[i], stdio[i] = pipeFrom(t, l)
	}
	var exits events
	p, err := uv.Spawn(l, uv.ProcessOptions{File: "sh", Stdio: stdio,
		Args: []string{"sh", "-c", "for i in 0 1 2 3 4 5 6 7 8 9; do eval \"echo $i >&$i\"; done"}}, &exits)
	require.NoError(t, err)
	for i, out := range outs {
		require.NoError(t, out.ReadStart(&outputs[i]))
	}
	finishReading(t, l, p, &exits, outs, outputs)
	for i := range 10 {
		assert.Equal(t, strconv.Itoa(i)+"\n", outputs[i].text.String())
	}
}

func TestSpawnSwapsLowDescriptors(t *testing.T) {
	l := newLoop(t)
	one, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer one.Close()
	two, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer two.Close()
	lower, higher := min(one.Fd(), two.Fd()), max(one.Fd(), two.Fd())
	stdio := make([]uv.Stdio, higher+1)
	stdio[lower], stdio[higher] = uv.InheritFd(higher), uv.InheritFd(lower)
	var exits events
	p, err := uv.Spawn(l, uv.ProcessOptions{File: "bash", Stdio: stdio,
		Args: []string{"bash", "-c", "echo lower >&" + strconv.Itoa(int(lower)) + "; echo higher >&" + strconv.Itoa(int(higher))}}, &exits)
	require.NoError(t, err)
	finish(t, l, p, &exits)
	for file, want := range map[*os.File]string{one: "higher\n", two: "lower\n"} {
		if file.Fd() == higher {
			want = "lower\n"
		} else {
			want = "higher\n"
		}
		b, err := os.ReadFile(file.Name())
		require.NoError(t, err)
		assert.Equal(t, want, string(b))
	}
}

func TestSpawnInheritsAStream(t *testing.T) {
	l := newLoop(t)
	client, server := connected(t, l, loopback)
	var exits events
	p, err := uv.Spawn(l, uv.ProcessOptions{File: "sh", Args: []string{"sh", "-c", "echo through the socket"},
		Stdio: []uv.Stdio{uv.Ignore(), uv.InheritStream(&server.Stream)}}, &exits)
	require.NoError(t, err)
	require.NoError(t, server.Close(nil))
	var out output
	require.NoError(t, client.ReadStart(&out))
	finish(t, l, p, &exits)
	for out.end == 0 {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	assert.Equal(t, "through the socket\n", out.text.String())
	require.NoError(t, client.Close(nil))
}

func TestSpawnInheritsAListener(t *testing.T) {
	l := newLoop(t)
	ln, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, ln.Bind(loopback, 0))
	require.NoError(t, ln.Listen(8, ignore))
	addr, err := ln.Sockname()
	require.NoError(t, err)
	script := `import os, socket
conn, _ = socket.socket(fileno=3).accept()
conn.sendall(b"accepted by the child")`
	var exits, connects events
	p, err := uv.Spawn(l, uv.ProcessOptions{File: "python3", Args: []string{"python3", "-c", script},
		Stdio: []uv.Stdio{uv.Ignore(), uv.Ignore(), uv.Ignore(), uv.InheritStream(&ln.Stream)}}, &exits)
	require.NoError(t, err)
	require.NoError(t, ln.Close(nil), "the child's goes on")
	c, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, c.Connect(addr, &connects))
	connects.wait(t, l, 1)
	require.Zero(t, connects[0].Status)
	var out output
	require.NoError(t, c.ReadStart(&out))
	assert.Zero(t, finish(t, l, p, &exits).Value)
	for out.end == 0 {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	assert.Equal(t, "accepted by the child", out.text.String())
	closeStreams(t, &c.Stream)
}

func TestSpawnOfARelativePath(t *testing.T) {
	l := newLoop(t)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "inner"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "inner", "program"), []byte("#!/bin/sh\necho found\n"), 0o600))
	require.NoError(t, os.Chmod(filepath.Join(dir, "inner", "program"), 0o700))
	here := func(o *uv.ProcessOptions) { o.File, o.Args, o.Dir = "inner/program", nil, dir }
	text, ev := sh(t, l, "", here)
	assert.Equal(t, "found\n", text, "seen from the child's directory")
	assert.Zero(t, ev.Value)
	_, err := uv.Spawn(l, uv.ProcessOptions{File: "program", Dir: filepath.Join(dir, "inner")}, ignore)
	assert.ErrorIs(t, err, os.ErrNotExist, "a name alone is looked up along PATH")
}

func TestSpawnIgnoresInput(t *testing.T) {
	l := newLoop(t)
	text, ev := sh(t, l, "cat; echo nothing >&2; echo end", nil)
	assert.Equal(t, "end\n", text, "what is ignored is empty, and takes all")
	assert.Zero(t, ev.Value)
}

func TestSpawnErrorsOfTheFolderNameIt(t *testing.T) {
	l := newLoop(t)
	none := filepath.Join(t.TempDir(), "none")
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	for dir, code := range map[string]uv.Errno{none: uv.ENOENT, plain: uv.ENOTDIR, plain + "/below": uv.ENOTDIR} {
		_, err := uv.Spawn(l, uv.ProcessOptions{File: "/bin/sh", Dir: dir}, ignore)
		assert.Equal(t, &fs.PathError{Op: "chdir", Path: dir, Err: code}, err)
		assert.ErrorIs(t, err, code)
	}
	_, err := uv.Spawn(l, uv.ProcessOptions{File: "/bin/none", Dir: t.TempDir()}, ignore)
	assert.Equal(t, uv.ENOENT, err, "the folder is there, the program is not")
}

func TestSpawnErrorsOfTheProgram(t *testing.T) {
	l := newLoop(t)
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, []byte("no program"), 0o600))
	_, err := uv.Spawn(l, uv.ProcessOptions{File: plain}, ignore)
	assert.ErrorIs(t, err, syscall.EACCES)
	_, err = uv.Spawn(l, uv.ProcessOptions{File: "true", Args: []string{"true", strings.Repeat("x", 4<<20)}}, ignore)
	assert.ErrorIs(t, err, syscall.E2BIG)
	out, stdout := pipeFrom(t, l)
	var exits events
	p, err := uv.Spawn(l, uv.ProcessOptions{File: "true", Stdio: []uv.Stdio{uv.Ignore(), stdout}}, &exits)
	require.NoError(t, err)
	_, err = uv.Spawn(l, uv.ProcessOptions{File: "true", Stdio: []uv.Stdio{stdout}}, ignore)
	assert.Equal(t, uv.EISCONN, err, "one pipe, one child")
	finish(t, l, p, &exits, out)
}

// The failure comes before libuv forks: in later versions the handle is not in the loop then.
func TestSpawnWithoutDescriptors(t *testing.T) {
	l := newLoop(t)
	in, stdin := pipeTo(t, l)
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	none := limit
	none.Cur = 0
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &none))
	_, err := uv.Spawn(l, uv.ProcessOptions{File: "true", Stdio: []uv.Stdio{stdin}}, ignore)
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	assert.ErrorIs(t, err, syscall.EMFILE)
	require.NoError(t, in.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Zero(t, l.Stats().Handles)
}

func TestSpawnDetached(t *testing.T) {
	l := newLoop(t)
	session := func(flags uv.ProcessFlags) bool {
		text, _ := sh(t, l, "echo $$; ps -o sid= -p $$", func(o *uv.ProcessOptions) { o.Flags = flags })
		fields := strings.Fields(text)
		require.Len(t, fields, 2)
		return fields[0] == fields[1]
	}
	assert.False(t, session(0))
	assert.True(t, session(uv.ProcessDetached), "it leads a session of its own")
	var exits events
	p, err := uv.Spawn(l, uv.ProcessOptions{File: "sleep", Args: []string{"sleep", "60"}, Flags: uv.ProcessDetached}, &exits)
	require.NoError(t, err)
	p.Unref()
	require.NoError(t, l.Run(uv.RunDefault), "the loop does not wait for it")
	assert.Empty(t, exits)
	require.NoError(t, p.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	require.NoError(t, uv.Kill(p.Pid(), syscall.SIGTERM))
	gone(t, p.Pid())
}

func TestSpawnAsAnotherUser(t *testing.T) {
	l := newLoop(t)
	if os.Getuid() != 0 {
		_, err := uv.Spawn(l, uv.ProcessOptions{File: "true", Flags: uv.ProcessSetUID}, ignore)
		assert.ErrorIs(t, err, syscall.EPERM)
		return
	}
	as := func(flags uv.ProcessFlags) string {
		text, _ := sh(t, l, "id -u; id -g; id -G", func(o *uv.ProcessOptions) { o.Flags, o.UID, o.GID = flags, 65534, 65533 })
		return strings.Join(strings.Fields(text), " ")
	}
	assert.Equal(t, "65534 65533 65533", as(uv.ProcessSetUID|uv.ProcessSetGID))
	assert.Equal(t, "0 65533 65533", as(uv.ProcessSetGID))
	assert.Equal(t, "65534 0 0", as(uv.ProcessSetUID))
	_, err := uv.Spawn(l, uv.ProcessOptions{File: "true", Flags: uv.ProcessSetUID, UID: 0xffffffff}, ignore)
	assert.ErrorIs(t, err, syscall.EINVAL)
}

// Without the guard's reaping these stay as zombies: nobody else knows of them.
func TestProcessClosedBeforeItsEndIsNoZombie(t *testing.T) {
	l := newLoop(t)
	var pids []int
	for i := range 100 { // more than are remembered in one piece
		p, err := uv.Spawn(l, uv.ProcessOptions{File: "sleep", Args: []string{"sleep", "60"}}, ignore)
		require.NoError(t, err)
		pids = append(pids, p.Pid())
		if i%2 == 0 {
			require.NoError(t, uv.Kill(p.Pid(), syscall.SIGKILL), "it may end before the loop knows")
		}
		require.NoError(t, p.Close(nil))
	}
	require.NoError(t, l.Run(uv.RunDefault))
	for i, pid := range pids {
		if i%2 == 1 {
			require.NoError(t, uv.Kill(pid, syscall.SIGKILL))
		}
	}
	for _, pid := range pids {
		gone(t, pid)
	}
}

func TestSpawnBesideOsExec(t *testing.T) {
	l := newLoop(t)
	for range 20 {
		var exits events
		p, err := uv.Spawn(l, uv.ProcessOptions{File: "sh", Args: []string{"sh", "-c", "exit 3"}}, &exits)
		require.NoError(t, err)
		results := make(chan string, 4)
		for range cap(results) {
			go func() {
				cmd := exec.Command("cat")
				cmd.Stdin = strings.NewReader("from Go")
				var out bytes.Buffer
				cmd.Stdout = &out
				if err := cmd.Run(); err != nil {
					out.WriteString(err.Error())
				}
				results <- out.String()
			}()
		}
		assert.EqualValues(t, 3, finish(t, l, p, &exits).Value)
		for range cap(results) {
			assert.Equal(t, "from Go", <-results)
		}
	}
}

func TestSpawnedByManyLoops(t *testing.T) {
	one, other := newLoop(t), newLoop(t)
	for range 10 {
		for _, l := range []*uv.Loop{one, other} {
			var exits events
			p, err := uv.Spawn(l, uv.ProcessOptions{File: "sh", Args: []string{"sh", "-c", "exit 5"}}, &exits)
			require.NoError(t, err)
			assert.EqualValues(t, 5, finish(t, l, p, &exits).Value)
		}
	}
}
