// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

func TestTheFileOfAPipe(t *testing.T) {
	l := newLoop(t)
	name := pipeName(t)
	p, late := newPipe(t, l), newPipe(t, l)
	assert.Equal(t, uv.EBADF, p.Chmod(uv.PipeReadable), "there is no socket")
	require.NoError(t, p.Bind(name))
	assert.Equal(t, uv.EINVAL, p.Chmod(0))
	require.NoError(t, os.Chmod(name, 0o600))
	for mode, want := range map[uv.PipeMode]os.FileMode{
		uv.PipeReadable:                   0o444,
		uv.PipeWritable:                   0o222,
		uv.PipeReadable | uv.PipeWritable: 0o666,
	} {
		require.NoError(t, p.Chmod(mode))
		info, err := os.Stat(name)
		require.NoError(t, err)
		assert.Equal(t, want, info.Mode().Perm()&want)
	}
	require.NoError(t, p.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	_, err := os.Stat(name)
	assert.ErrorIs(t, err, os.ErrNotExist, "the close has removed it")
	require.NoError(t, late.Bind(name))
	closeStreams(t, &late.Stream)
}

func TestPlacesWhereNoPipeCanBe(t *testing.T) {
	l := newLoop(t)
	p := newPipe(t, l)
	assert.Equal(t, uv.ENOENT, p.Bind(filepath.Join(filepath.Dir(pipeName(t)), "none", "pipe")))
	assert.Equal(t, uv.ENOENT, p.Bind("none/pipe"), "from here")
	closeStreams(t, &p.Stream)
	file := pipeName(t)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	client := newPipe(t, l)
	var connects events
	require.NoError(t, client.Connect(file, &connects))
	connects.wait(t, l, 1)
	assert.Contains(t, []uv.Errno{uv.ECONNREFUSED, uv.ENOTSOCK}, connects[0].Status, "a file is no pipe")
	closeStreams(t, &client.Stream)
}

func TestTheLongestNameIsWhole(t *testing.T) {
	l := newLoop(t)
	dir := filepath.Dir(pipeName(t))
	name := filepath.Join(dir, strings.Repeat("x", 102-len(dir))) // 103 bytes: they fit on every system
	ln, client := newPipe(t, l), newPipe(t, l)
	require.NoError(t, ln.Bind(name))
	_, err := os.Stat(name)
	require.NoError(t, err)
	got, err := ln.Sockname()
	require.NoError(t, err)
	assert.Equal(t, name, got)
	var conns, connects events
	require.NoError(t, ln.Listen(1, &conns))
	require.NoError(t, client.Connect(name, &connects))
	connects.wait(t, l, 1)
	conns.wait(t, l, 1)
	assert.Zero(t, connects[0].Status)
	closeStreams(t, &ln.Stream, &client.Stream)
}

func TestAbstractNames(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux has them")
	}
	l := newLoop(t)
	for _, name := range []string{"@weft-" + t.Name(), "\x00weft\x00" + t.Name()} {
		ln := newPipe(t, l)
		if err := ln.Bind(name); err != nil {
			assert.ErrorIs(t, err, errors.ErrUnsupported)
			assert.ErrorIs(t, ln.Connect(name, ignore), errors.ErrUnsupported)
			closeStreams(t, &ln.Stream)
			continue
		}
		got, err := ln.Sockname()
		require.NoError(t, err)
		assert.Equal(t, "@"+name[1:], got)
		assert.Equal(t, uv.EINVAL, ln.Chmod(uv.PipeReadable))
		var conns, connects events
		require.NoError(t, ln.Listen(1, &conns))
		client := newPipe(t, l)
		require.NoError(t, client.Connect(name, &connects))
		connects.wait(t, l, 1)
		conns.wait(t, l, 1)
		assert.Zero(t, connects[0].Status)
		peer, err := client.Peername()
		require.NoError(t, err)
		assert.Equal(t, got, peer)
		closeStreams(t, &ln.Stream, &client.Stream)
	}
	assert.Equal(t, uv.ENAMETOOLONG, newPipeClosedAtEnd(t, l).Bind("@"+strings.Repeat("x", 108)))
	// An abstract socket that another program has made.
	std, err := net.Listen("unix", "@weft-std-"+t.Name())
	require.NoError(t, err)
	file, err := std.(*net.UnixListener).File()
	require.NoError(t, err)
	fd, err := syscall.Dup(int(file.Fd()))
	require.NoError(t, err)
	require.NoError(t, file.Close())
	require.NoError(t, std.Close())
	p := newPipe(t, l)
	require.NoError(t, p.Open(uintptr(fd)))
	got, err := p.Sockname()
	require.NoError(t, err)
	assert.Equal(t, "@weft-std-"+t.Name(), got)
	assert.Equal(t, uv.EINVAL, p.Chmod(uv.PipeReadable), "libuv would take it for a file's name without an end")
	closeStreams(t, &p.Stream)
}

func newPipeClosedAtEnd(t *testing.T, l *uv.Loop) *uv.Pipe {
	t.Helper()
	p := newPipe(t, l)
	t.Cleanup(func() { closeStreams(t, &p.Stream) })
	return p
}

func TestOpenOfAPipe(t *testing.T) {
	l := newLoop(t)
	r, w, err := uv.PipePair(0, uv.NonBlocking)
	require.NoError(t, err)
	p := newPipe(t, l)
	require.NoError(t, p.Open(r))
	assert.Equal(t, uv.EBUSY, p.Open(w), "it has one already")
	require.NoError(t, syscall.Close(int(w)), "and is not taken")
	assert.Equal(t, uv.EBADF, newPipeClosedAtEnd(t, l).Open(w))
	assert.Equal(t, uv.EBADF, newPipeClosedAtEnd(t, l).Open(^uintptr(0)))
	assert.Equal(t, uv.EINVAL, p.Bind(pipeName(t)))
	closeStreams(t, &p.Stream)
}

func nonblocking(t *testing.T, fd uintptr) bool {
	t.Helper()
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	require.Zero(t, errno)
	return flags&syscall.O_NONBLOCK != 0
}

func TestFlagsOfPipePair(t *testing.T) {
	for _, c := range []struct{ r, w uv.PairFlags }{{0, 0}, {uv.NonBlocking, 0}, {0, uv.NonBlocking}, {uv.NonBlocking, uv.NonBlocking}} {
		r, w, err := uv.PipePair(c.r, c.w)
		require.NoError(t, err)
		assert.Equal(t, c.r != 0, nonblocking(t, r))
		assert.Equal(t, c.w != 0, nonblocking(t, w))
		require.NoError(t, syscall.Close(int(r)))
		require.NoError(t, syscall.Close(int(w)))
	}
}

func TestSetBlockingOfAPipe(t *testing.T) {
	l := newLoop(t)
	client, server := kinds[2].pair(t, l)
	fd, err := client.Fileno()
	require.NoError(t, err)
	assert.True(t, nonblocking(t, fd))
	require.NoError(t, client.SetBlocking(true))
	assert.False(t, nonblocking(t, fd))
	require.NoError(t, client.SetBlocking(false))
	assert.True(t, nonblocking(t, fd))
	closeStreams(t, client, server)
}

// A pipe of the net package is at the other end.
func TestGoNetIsThePeerOfAPipe(t *testing.T) {
	l := newLoop(t)
	name := pipeName(t)
	ln, err := net.Listen("unix", name)
	require.NoError(t, err)
	defer ln.Close()
	go func() {
		c, err := ln.Accept()
		if err == nil {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}
	}()
	p := newPipe(t, l)
	var connects, reads events
	require.NoError(t, p.Connect(name, &connects))
	connects.wait(t, l, 1)
	all := collect(t, &p.Stream)
	require.NoError(t, p.Send([]byte(strings.Repeat("echo", 100000)), false, ignore))
	until(t, l, func() bool { return all.Len() == 400000 })
	require.NoError(t, p.ReadStart(&reads))
	require.NoError(t, p.Shutdown(ignore))
	reads.wait(t, l, 1)
	assert.Equal(t, uv.EOF, reads[0].Status)
	closeStreams(t, &p.Stream)
}

// The standard streams of a process that os/exec has started are pipes of the loop.
func TestStandardStreamsOverPipes(t *testing.T) {
	l := newLoop(t)
	ends := map[string]*uv.Pipe{}
	child := exec.Command("sh", "-c", "echo complaint >&2; tr a-z A-Z")
	for name, set := range map[string]func(r, w *os.File) (theirs, ours *os.File){
		"stdin":  func(r, w *os.File) (*os.File, *os.File) { child.Stdin = r; return r, w },
		"stdout": func(r, w *os.File) (*os.File, *os.File) { child.Stdout = w; return w, r },
		"stderr": func(r, w *os.File) (*os.File, *os.File) { child.Stderr = w; return w, r },
	} {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		theirs, ours := set(r, w)
		fd, err := syscall.Dup(int(ours.Fd()))
		require.NoError(t, err)
		syscall.CloseOnExec(fd)
		require.NoError(t, ours.Close())
		defer theirs.Close()
		ends[name] = newPipe(t, l)
		require.NoError(t, ends[name].Open(uintptr(fd)))
	}
	require.NoError(t, child.Start())
	for _, f := range []any{child.Stdin, child.Stdout, child.Stderr} {
		require.NoError(t, f.(*os.File).Close())
	}
	got := map[string]string{}
	ended := 0
	for _, name := range []string{"stdout", "stderr"} {
		require.NoError(t, ends[name].ReadStart(uv.CompleterFunc(func(ev uv.Event) {
			got[name] += string(ev.Data)
			if ev.Status == uv.EOF {
				ended++
			}
		})))
	}
	require.NoError(t, ends["stdin"].Send([]byte("hello"), false, ignore))
	_, err := l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	require.NoError(t, ends["stdin"].Close(nil))
	until(t, l, func() bool { return ended == 2 })
	require.NoError(t, child.Wait())
	assert.Equal(t, map[string]string{"stdout": "HELLO", "stderr": "complaint\n"}, got)
	closeStreams(t, &ends["stdout"].Stream, &ends["stderr"].Stream)
}

// libuv says that a socket that was there before Connect is connected, and neither reads nor writes it.
func TestConnectWithASocketThatIsThere(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, l *uv.Loop, p *uv.Pipe){
		"refused": func(t *testing.T, l *uv.Loop, p *uv.Pipe) {
			var connects events
			require.NoError(t, p.Connect(pipeName(t), &connects))
			connects.wait(t, l, 1)
			require.Equal(t, uv.ENOENT, connects[0].Status)
		},
		"bound": func(t *testing.T, _ *uv.Loop, p *uv.Pipe) { require.NoError(t, p.Bind(pipeName(t))) },
		"opened": func(t *testing.T, _ *uv.Loop, p *uv.Pipe) {
			require.NoError(t, p.Open(streamSocket(t, syscall.AF_UNIX)))
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			ln, client, server := newPipe(t, l), newPipe(t, l), &uv.Pipe{}
			prepare(t, l, client)
			at := pipeName(t)
			var conns, connects, early events
			require.NoError(t, ln.Bind(at))
			require.NoError(t, ln.Listen(1, &conns))
			require.NoError(t, client.Connect(at, &connects))
			require.NoError(t, client.Send([]byte("before it is told"), true, &early))
			connects.wait(t, l, 1)
			conns.wait(t, l, 1)
			early.wait(t, l, 1)
			assert.Zero(t, connects[0].Status)
			assert.Zero(t, early[0].Status)
			assert.True(t, client.IsReadable() && client.IsWritable())
			require.NoError(t, ln.Accept(server))
			talks(t, l, &server.Stream, &client.Stream)
			closeStreams(t, &ln.Stream, &client.Stream, &server.Stream)
		})
	}
}
