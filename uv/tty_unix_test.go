// SPDX-License-Identifier: MIT

//go:build !windows

package uv_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

func newTTY(t *testing.T, l *uv.Loop, f *os.File) *uv.TTY {
	t.Helper()
	tty, err := uv.NewTTY(l, int(f.Fd()))
	require.NoError(t, err)
	return tty
}

// read is what was read.
func read(reads events) string {
	var b strings.Builder
	for _, ev := range reads {
		b.Write(ev.Data)
	}
	return b.String()
}

// expect turns the loop until the text has been read.
func (e *events) expect(t *testing.T, l *uv.Loop, want string) {
	t.Helper()
	for !strings.Contains(read(*e), want) {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
		for _, ev := range *e {
			require.Zero(t, ev.Status, "%q", read(*e))
		}
	}
}

func TestTTYModesAndReset(t *testing.T) {
	l := newLoop(t)
	pty := uvtest.OpenPTY(t)
	tty := newTTY(t, l, pty.Slave)
	assert.Equal(t, uv.TypeTTY, tty.Type())
	assert.True(t, tty.IsReadable() && tty.IsWritable())
	require.True(t, pty.IsCooked() && pty.Posts())
	require.NoError(t, tty.SetMode(uv.TTYNormal))
	require.NoError(t, tty.SetMode(uv.TTYRaw))
	assert.False(t, pty.IsCooked())
	assert.True(t, pty.Posts())
	require.NoError(t, tty.SetMode(uv.TTYIO))
	assert.False(t, pty.IsCooked() || pty.Posts())
	require.NoError(t, tty.SetMode(uv.TTYNormal))
	assert.True(t, pty.IsCooked() && pty.Posts())
	assert.Equal(t, uv.EINVAL, tty.SetMode(9))
	assert.Equal(t, uv.EINVAL, tty.SetMode(-1))
	if !uv.Has(uv.FeatureTTYRawVT) {
		assert.Equal(t, uv.ENOTSUP, tty.SetMode(uv.TTYRawVT))
	}

	require.NoError(t, tty.SetMode(uv.TTYRaw))
	require.NoError(t, uv.ResetMode())
	assert.True(t, pty.IsCooked())
	require.NoError(t, tty.SetMode(uv.TTYIO))
	assert.False(t, pty.IsCooked())
	require.NoError(t, tty.Close(nil))
	assert.True(t, pty.IsCooked(), "Close gives the mode back")
	assert.Equal(t, uv.ErrClosed, tty.SetMode(uv.TTYRaw))
	_, _, err := tty.WinSize()
	assert.Equal(t, uv.ErrClosed, err)
}

// libuv knows the first terminal of the process only.
func TestResetModeKnowsEveryTerminal(t *testing.T) {
	l := newLoop(t)
	first := newTTY(t, l, uvtest.OpenPTY(t).Slave)
	require.NoError(t, first.SetMode(uv.TTYRaw))
	require.NoError(t, first.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	other := newLoop(t)
	ptys := []uvtest.PTY{uvtest.OpenPTY(t), uvtest.OpenPTY(t)}
	ttys := []*uv.TTY{newTTY(t, l, ptys[0].Slave), newTTY(t, other, ptys[1].Slave)}
	for range 2 { // the second time as after a stop and SIGCONT
		for i, tty := range ttys {
			require.NoError(t, tty.SetMode(uv.TTYRaw))
			require.False(t, ptys[i].IsCooked())
		}
		done := make(chan error)
		go func() { done <- uv.ResetMode() }()
		require.NoError(t, <-done)
		assert.True(t, ptys[0].IsCooked() && ptys[1].IsCooked())
	}
	closeAll(t, ttys[0], ttys[1])
	require.NoError(t, l.Run(uv.RunDefault))
	require.NoError(t, other.Run(uv.RunDefault))
	require.NoError(t, uv.ResetMode(), "of none")
}

// One terminal does not keep ResetMode from the others.
func TestResetModeOfATerminalThatIsGone(t *testing.T) {
	l := newLoop(t)
	gone, pty := uvtest.OpenPTY(t), uvtest.OpenPTY(t)
	ttys := []*uv.TTY{newTTY(t, l, pty.Slave), newTTY(t, l, gone.Slave)}
	for _, tty := range ttys {
		require.NoError(t, tty.SetMode(uv.TTYRaw))
	}
	require.NoError(t, gone.Master.Close())
	assert.Equal(t, uv.EIO, uv.ResetMode())
	assert.True(t, pty.IsCooked())
	closeAll(t, ttys[0], ttys[1])
}

// The number that a closed TTY had may be another terminal's by now.
func TestResetModeLeavesOtherTerminalsAlone(t *testing.T) {
	l := newLoop(t)
	tty := newTTY(t, l, uvtest.OpenPTY(t).Slave)
	require.NoError(t, tty.SetMode(uv.TTYRaw))
	number, err := tty.Fileno()
	require.NoError(t, err)
	require.NoError(t, tty.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault))
	pty := uvtest.OpenPTY(t)
	for pty.Slave.Fd() != number { // the lowest that is free comes first
		pty = uvtest.OpenPTY(t)
		require.LessOrEqual(t, pty.Slave.Fd(), number+100)
	}
	require.NoError(t, pty.MakeRaw())
	require.NoError(t, uv.ResetMode())
	assert.False(t, pty.IsCooked())
}

// Stdin and stdout are one terminal. What the first handle has set is not the second one's normal mode.
func TestTwoTTYsOfOneTerminal(t *testing.T) {
	l := newLoop(t)
	pty := uvtest.OpenPTY(t)
	in, out := newTTY(t, l, pty.Slave), newTTY(t, l, pty.Slave)
	require.NoError(t, in.SetMode(uv.TTYRaw))
	require.NoError(t, out.SetMode(uv.TTYIO))
	require.NoError(t, out.SetMode(uv.TTYNormal))
	assert.True(t, pty.IsCooked() && pty.Posts())
	require.NoError(t, out.SetMode(uv.TTYIO))
	closeAll(t, in, out)
	assert.True(t, pty.IsCooked() && pty.Posts())
}

// What libuv does to the descriptor that it is given stays with a duplicate.
func TestTTYLeavesTheCallersDescriptorAlone(t *testing.T) {
	l := newLoop(t)
	pty := uvtest.OpenPTY(t)
	for _, f := range []*os.File{pty.Slave, pty.Master} {
		before, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_GETFL, 0)
		require.Zero(t, errno)
		tty := newTTY(t, l, f)
		fd, err := tty.Fileno()
		require.NoError(t, err)
		assert.NotEqual(t, f.Fd(), fd)
		require.NoError(t, tty.Close(nil))
		require.NoError(t, l.Run(uv.RunDefault))
		after, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_GETFL, 0)
		require.Zero(t, errno, "still open")
		assert.Equal(t, before, after)
	}
}

func TestTTYWinSize(t *testing.T) {
	l := newLoop(t)
	pty := uvtest.OpenPTY(t)
	tty := newTTY(t, l, pty.Slave)
	for _, size := range [][2]int{{80, 24}, {132, 50}} {
		require.NoError(t, pty.Resize(size[0], size[1]))
		w, h, err := tty.WinSize()
		require.NoError(t, err)
		assert.Equal(t, size, [2]int{w, h})
	}
	require.NoError(t, tty.Close(nil))
}

// A shell in a terminal, whose master is the loop's: it prompts, runs what is typed, and its end is the stream's.
func TestAShellInATerminal(t *testing.T) {
	l := newLoop(t)
	pty := uvtest.OpenPTY(t)
	require.NoError(t, pty.Resize(97, 31))
	shell := exec.Command("/bin/sh", "-i")
	shell.Env = []string{"PS1=ready> ", "PATH=" + os.Getenv("PATH")}
	shell.Stdin, shell.Stdout, shell.Stderr = pty.Slave, pty.Slave, pty.Slave
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, shell.Start())
	require.NoError(t, pty.Slave.Close())
	master := newTTY(t, l, pty.Master)
	var reads events
	require.NoError(t, master.ReadStart(&reads))
	reads.expect(t, l, "ready> ")
	require.NoError(t, master.Send([]byte("stty size; echo sum $((40+2))\n"), false, &events{}))
	reads.expect(t, l, "31 97")
	reads.expect(t, l, "sum 42")
	require.NoError(t, master.Send([]byte("exit 3\n"), false, &events{}))
	reads.ends(t, l)
	assert.Error(t, shell.Wait())
	assert.Equal(t, 3, shell.ProcessState.ExitCode())
	require.NoError(t, master.Close(nil))
}

// Raw: each byte comes as it was typed, without an echo, and a reader that closes in between leaves the rest.
func TestRawTerminalReadsByteByByte(t *testing.T) {
	l := newLoop(t)
	pty := uvtest.OpenPTY(t)
	tty := newTTY(t, l, pty.Slave)
	require.NoError(t, tty.SetMode(uv.TTYRaw))
	var reads, writes events
	require.NoError(t, tty.ReadStart(&reads))
	for _, key := range []string{"a", "\x03", "\r", "é"} {
		_, err := pty.Master.WriteString(key)
		require.NoError(t, err)
		reads.expect(t, l, key)
	}
	assert.Equal(t, "a\x03\ré", read(reads))
	require.NoError(t, tty.Send(nil, true, &writes))
	require.NoError(t, tty.Send([]byte("out\n"), true, &writes))
	writes.wait(t, l, 2)
	got := make([]byte, 64)
	n, err := pty.Master.Read(got)
	require.NoError(t, err)
	assert.Equal(t, "out\r\n", string(got[:n]), "and no echo in front")
	require.NoError(t, tty.Close(nil))
}

// ends turns the loop until the stream has ended, and returns what was read before.
func (e *events) ends(t *testing.T, l *uv.Loop) string {
	t.Helper()
	for len(*e) == 0 || (*e)[len(*e)-1].Status == 0 {
		_, err := l.Turn(uv.RunOnce)
		require.NoError(t, err)
	}
	end := (*e)[len(*e)-1].Status
	assert.True(t, end == uv.EOF || end == uv.EIO, end) // Linux: EIO of a master
	return read(*e)
}

// The system takes some thousand bytes at a time.
func TestTTYWritesMoreThanATerminalTakes(t *testing.T) {
	l := newLoop(t)
	pty := uvtest.OpenPTY(t)
	tty := newTTY(t, l, pty.Slave)
	require.NoError(t, tty.SetMode(uv.TTYIO))
	text := strings.Repeat("0123456789\n", 20000)
	got := make([]byte, len(text))
	done := make(chan error)
	go func() {
		_, err := io.ReadFull(pty.Master, got)
		done <- err
	}()
	var writes events
	require.NoError(t, tty.Send([]byte(text), true, &writes))
	require.NoError(t, tty.Send([]byte("x"), true, &writes))
	writes.wait(t, l, 2)
	assert.Zero(t, writes[0].Status)
	require.NoError(t, <-done)
	assert.True(t, string(got) == text, "what was read is not what was written")
	require.NoError(t, tty.Close(nil))
}

// What is written in bits before the slave closes is read to the last byte before the end.
func TestTTYReadsAllBeforeTheEnd(t *testing.T) {
	l := newLoop(t)
	for range 5 {
		pty := uvtest.OpenPTY(t)
		master := newTTY(t, l, pty.Master)
		var reads events
		require.NoError(t, master.ReadStart(&reads))
		done := make(chan error)
		go func() {
			var err error
			for i := 0; i < 8 && err == nil; i++ {
				_, err = pty.Slave.Write(bytes.Repeat([]byte{byte('a' + i)}, 8192))
			}
			done <- errors.Join(err, pty.Slave.Close())
		}()
		text := reads.ends(t, l)
		require.NoError(t, <-done)
		assert.Equal(t, 8*8192, len(text))
		require.NoError(t, master.Close(nil))
	}
}

// A read that was stopped leaves what is typed to the next one, in each mode, also across a change.
func TestTTYStopsReading(t *testing.T) {
	l := newLoop(t)
	pty := uvtest.OpenPTY(t)
	tty := newTTY(t, l, pty.Slave)
	for _, mode := range []uv.TTYMode{uv.TTYRaw, uv.TTYNormal, uv.TTYIO, uv.TTYRaw} {
		var none, reads events
		require.NoError(t, tty.ReadStart(&none))
		require.NoError(t, tty.SetMode(mode))
		turn(t, l)
		require.NoError(t, tty.ReadStop())
		turn(t, l)
		_, err := pty.Master.WriteString("typed\n")
		require.NoError(t, err)
		turn(t, l)
		assert.Empty(t, none)
		require.NoError(t, tty.ReadStart(&reads))
		reads.expect(t, l, "typed\n")
		assert.Equal(t, "typed\n", read(reads))
		require.NoError(t, tty.ReadStop())
	}
	require.NoError(t, tty.ReadStart(ignore))
	require.NoError(t, tty.Close(nil), "and in the midst of a read")
}

func TestTTYThatHangsUp(t *testing.T) {
	l := newLoop(t)
	pty := uvtest.OpenPTY(t)
	tty := newTTY(t, l, pty.Slave)
	require.NoError(t, tty.SetMode(uv.TTYRaw))
	var reads, writes events
	require.NoError(t, tty.ReadStart(&reads))
	_, err := pty.Master.WriteString("last words")
	require.NoError(t, err)
	reads.expect(t, l, "last words")
	require.NoError(t, pty.Master.Close())
	assert.Equal(t, "last words", reads.ends(t, l))
	require.NoError(t, tty.Send([]byte("x"), true, &writes))
	writes.wait(t, l, 1)
	assert.Equal(t, uv.EIO, writes[0].Status)
	assert.Equal(t, uv.EIO, tty.SetMode(uv.TTYNormal))
	require.NoError(t, tty.Close(nil))
}

// A TTY can do what its descriptor can.
func TestTTYOfOneDirection(t *testing.T) {
	l := newLoop(t)
	pty := uvtest.OpenPTY(t)
	for _, flag := range []int{os.O_RDONLY, os.O_WRONLY, os.O_RDWR} {
		f, err := os.OpenFile(pty.Slave.Name(), flag|syscall.O_NOCTTY, 0)
		require.NoError(t, err)
		tty := newTTY(t, l, f)
		require.NoError(t, f.Close())
		assert.Equal(t, flag != os.O_WRONLY, tty.IsReadable())
		assert.Equal(t, flag != os.O_RDONLY, tty.IsWritable())
		if flag == os.O_RDONLY {
			var writes events
			require.NoError(t, tty.Send([]byte("x"), true, &writes))
			writes.wait(t, l, 1)
			assert.NotZero(t, writes[0].Status)
		}
		require.NoError(t, tty.Close(nil))
		assert.False(t, tty.IsReadable() || tty.IsWritable())
	}
}

func TestTTYOfWhatIsNone(t *testing.T) {
	l := newLoop(t)
	f, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer f.Close()
	_, err = uv.NewTTY(l, int(f.Fd()))
	assert.Equal(t, uv.EINVAL, err)
	_, err = uv.NewTTY(l, -1)
	assert.Equal(t, uv.EBADF, err)
	_, err = uv.VTermState()
	assert.Equal(t, uv.ENOTSUP, err)
	uv.SetVTermState(true)
}

func TestGuessHandle(t *testing.T) {
	pty := uvtest.OpenPTY(t)
	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	defer w.Close()
	f, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer f.Close()
	socket := func(domain, kind int) int {
		fd, err := syscall.Socket(domain, kind, 0)
		require.NoError(t, err)
		t.Cleanup(func() { _ = syscall.Close(fd) })
		return fd
	}
	for fd, want := range map[int]uv.HandleType{
		int(pty.Slave.Fd()): uv.TypeTTY,
		int(r.Fd()):         uv.TypePipe,
		int(f.Fd()):         uv.TypeFile,
		-1:                  uv.TypeUnknown,
		9999:                uv.TypeUnknown,
		socket(syscall.AF_INET, syscall.SOCK_STREAM): uv.TypeTCP,
		socket(syscall.AF_INET6, syscall.SOCK_DGRAM): uv.TypeUDP,
		socket(syscall.AF_UNIX, syscall.SOCK_STREAM): uv.TypePipe,
	} {
		assert.Equal(t, want, uv.GuessHandle(fd), fd)
	}
}

// latestPTY is that of the TTY which handleTypes has made last.
var latestPTY uvtest.PTY

func init() {
	handleTypes[uv.TypeTTY] = handleType{&uv.TTY{}, func(t *testing.T, l *uv.Loop) (handle, error) {
		latestPTY = uvtest.OpenPTY(t)
		return uv.NewTTY(l, int(latestPTY.Slave.Fd()))
	}}
	closers[uv.TypeTTY] = func(t *testing.T, _ *uv.Loop, h handle) func() {
		pty := latestPTY
		require.NoError(t, h.(*uv.TTY).SetMode(uv.TTYRaw))
		require.False(t, pty.IsCooked())
		return func() { assert.True(t, pty.IsCooked()) }
	}
	starters[uv.TypeTTY] = func(t *testing.T, _ *uv.Loop, h handle) { require.NoError(t, h.(*uv.TTY).ReadStart(ignore)) }
}
