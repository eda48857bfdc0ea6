// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"net"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

func TestPipesArePassedAlong(t *testing.T) {
	l := newLoop(t)
	name := pipeName(t)
	ln, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	require.NoError(t, ln.Bind(name))
	client, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	var conns, connects events
	require.NoError(t, ln.Listen(1, &conns))
	require.NoError(t, client.Connect(name, &connects))
	conns.wait(t, l, 1)
	connects.wait(t, l, 1)
	server, listener, got := &uv.Pipe{}, &uv.Pipe{}, &uv.Pipe{}
	require.NoError(t, ln.Accept(server))
	passed(t, l, server, got)
	talks(t, l, &client.Stream, &got.Stream)
	passed(t, l, ln, listener)
	at, err := listener.Sockname()
	require.NoError(t, err)
	assert.Equal(t, name, at)
	closeStreams(t, &client.Stream, &got.Stream, &listener.Stream)
}

// filled returns an IPC pipe whose buffers are full, and where it leads.
func filled(t *testing.T, l *uv.Loop) (from, to *uv.Pipe) {
	t.Helper()
	from, to = ipcPair(t, l)
	chunk := make([]byte, 64<<10)
	for {
		if _, err := from.TryWrite(chunk); err != nil {
			require.Equal(t, uv.EAGAIN, err)
			return from, to
		}
	}
}

// libuv looks at a handle that waits to be passed along after it was closed: under AddressSanitizer this fails when its memory is
// freed by then.
func TestAHandleIsClosedBeforeItWasPassedAlong(t *testing.T) {
	l := newLoop(t)
	from, to := filled(t, l)
	var writes, closes, reads events
	ln := bound(t, l, loopback)
	b, n := buffer(l, "x")
	defer b.Free()
	require.NoError(t, from.Write2(b, n, ln, &writes))
	require.NoError(t, ln.Close(&closes))
	closes.wait(t, l, 1)
	assert.Empty(t, writes)
	require.NoError(t, to.ReadStart(&reads))
	writes.wait(t, l, 1)
	assert.Equal(t, uv.EBADF, writes[0].Status)
	assert.Zero(t, to.PendingCount())
	closeStreams(t, &from.Stream, &to.Stream)
}

func TestAPipeIsClosedBeforeItPassedAHandleAlong(t *testing.T) {
	l := newLoop(t)
	from, to := filled(t, l)
	var writes events
	ln := bound(t, l, loopback)
	b, n := buffer(l, "x")
	defer b.Free()
	require.NoError(t, from.Write2(b, n, ln, &writes))
	closeStreams(t, &ln.Stream, &from.Stream, &to.Stream)
	writes.wait(t, l, 1)
	assert.Equal(t, uv.ECANCELED, writes[0].Status)
}

func TestTryWrite2PassesAHandleAlong(t *testing.T) {
	l := newLoop(t)
	from, to := ipcPair(t, l)
	ln := bound(t, l, loopback)
	n, err := from.TryWrite2([]byte("one"), ln)
	require.NoError(t, err)
	assert.Equal(t, 3, n)
	var reads events
	require.NoError(t, to.ReadStart(&reads))
	reads.wait(t, l, 1)
	got := &uv.TCP{}
	require.NoError(t, to.AcceptPending(got))
	closeStreams(t, &from.Stream, &to.Stream, &ln.Stream, &got.Stream)
}

// What a program that is not weft sends: several descriptors at once, and files.
func TestDescriptorsOfOthersArrive(t *testing.T) {
	l := newLoop(t)
	fds, err := uv.SocketPair(syscall.SOCK_STREAM, 0, 0, uv.NonBlocking)
	require.NoError(t, err)
	p, err := uv.NewPipe(l, true)
	require.NoError(t, err)
	require.NoError(t, p.Open(fds[1]))
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	tmp, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	lnFile, err := ln.(*net.TCPListener).File()
	require.NoError(t, err)
	rights := syscall.UnixRights(int(tmp.Fd()), int(lnFile.Fd()), int(file.Fd()))
	require.NoError(t, syscall.Sendmsg(int(fds[0]), []byte("three"), rights, nil, 0))
	require.NoError(t, syscall.Close(int(fds[0])))
	for _, c := range []interface{ Close() error }{file, tmp, ln, lnFile} {
		require.NoError(t, c.Close())
	}
	var reads events
	require.NoError(t, p.ReadStart(&reads))
	reads.wait(t, l, 2)
	assert.Equal(t, "three", string(reads[0].Data))
	assert.Equal(t, uv.EOF, reads[1].Status)
	assert.Equal(t, 3, p.PendingCount())
	assert.Equal(t, uv.TypeFile, p.PendingType())
	got, listener := &uv.Pipe{}, &uv.TCP{}
	require.NoError(t, p.AcceptPending(got))
	fd, err := got.Fileno()
	require.NoError(t, err)
	var st syscall.Stat_t
	require.NoError(t, syscall.Fstat(int(fd), &st))
	assert.EqualValues(t, syscall.S_IFREG, st.Mode&syscall.S_IFMT)
	require.NoError(t, p.AcceptPending(listener))
	at, err := listener.Sockname()
	require.NoError(t, err)
	assert.Equal(t, ln.Addr().(*net.TCPAddr).AddrPort(), at)
	closeStreams(t, &p.Stream, &got.Stream, &listener.Stream)
}

// What libuv has no name for: the peer decides what it sends.
func TestADescriptorOfAnUnknownKindArrives(t *testing.T) {
	l := newLoop(t)
	fds, err := uv.SocketPair(syscall.SOCK_STREAM, 0, 0, uv.NonBlocking)
	require.NoError(t, err)
	p, err := uv.NewPipe(l, true)
	require.NoError(t, err)
	require.NoError(t, p.Open(fds[1]))
	dir, err := os.Open(t.TempDir())
	require.NoError(t, err)
	datagrams, err := uv.SocketPair(syscall.SOCK_DGRAM, 0, 0, 0)
	require.NoError(t, err)
	rights := syscall.UnixRights(int(dir.Fd()), int(datagrams[0]), int(datagrams[0]))
	require.NoError(t, syscall.Sendmsg(int(fds[0]), []byte("three"), rights, nil, 0))
	require.NoError(t, dir.Close())
	require.NoError(t, syscall.Close(int(datagrams[0])))
	var reads, pipeReads, closes events
	require.NoError(t, p.ReadStart(&reads))
	reads.wait(t, l, 1)
	assert.Equal(t, "three", string(reads[0].Data))
	assert.Equal(t, 3, p.PendingCount())
	assert.Equal(t, uv.TypeUnknown, p.PendingType())
	assert.Equal(t, uv.EINVAL, p.AcceptPending(&uv.TCP{}))
	d, s := &uv.Pipe{}, &uv.Pipe{}
	require.NoError(t, p.AcceptPending(d))
	require.NoError(t, d.ReadStart(&pipeReads))
	pipeReads.wait(t, l, 1)
	assert.Equal(t, uv.EPERM, pipeReads[0].Status, "as a file")
	require.NoError(t, p.AcceptPending(s))
	closeStreams(t, &d.Stream, &s.Stream)
	require.NoError(t, p.Close(&closes))
	closes.wait(t, l, 1)
	_, err = syscall.Write(int(datagrams[1]), []byte("x"))
	assert.Error(t, err, "the one that nobody took is closed, too")
	require.NoError(t, syscall.Close(int(datagrams[1])))
	require.NoError(t, syscall.Close(int(fds[0])))
}

// passingChild is set for a process that TestHandlesGoToAnotherProcessAndBack starts.
const passingChild = "WEFT_TEST_PASSING_CHILD"

func TestHandlesGoToAnotherProcessAndBack(t *testing.T) {
	if os.Getenv(passingChild) != "" {
		passBack(t)
		return
	}
	l := newLoop(t)
	fds, err := uv.SocketPair(syscall.SOCK_STREAM, 0, uv.NonBlocking, 0)
	require.NoError(t, err)
	theirs := os.NewFile(fds[1], "ipc")
	child := exec.Command(os.Args[0], "-test.run=^TestHandlesGoToAnotherProcessAndBack$")
	child.Env = append(os.Environ(), passingChild+"=1")
	child.ExtraFiles = []*os.File{theirs}
	child.Stderr = os.Stderr
	require.NoError(t, child.Start())
	require.NoError(t, theirs.Close())
	p, err := uv.NewPipe(l, true)
	require.NoError(t, err)
	require.NoError(t, p.Open(fds[0]))

	ln := bound(t, l, loopback)
	at, err := ln.Sockname()
	require.NoError(t, err)
	var writes, connects, reads, back events
	b, n := buffer(l, "listen")
	defer b.Free()
	require.NoError(t, p.Write2(b, n, ln, &writes))
	writes.wait(t, l, 1)
	require.NoError(t, ln.Close(nil), "the child's is another one")
	require.NoError(t, p.ReadStart(&back))
	back.wait(t, l, 1)
	assert.Equal(t, "listening", string(back[0].Data))

	client, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, client.Connect(at, &connects))
	require.NoError(t, client.ReadStart(&reads))
	reads.wait(t, l, 1)
	assert.Equal(t, "from the child", string(reads[0].Data))
	back.wait(t, l, 2)
	assert.Equal(t, "connection", string(back[1].Data))
	server := &uv.TCP{}
	require.NoError(t, p.AcceptPending(server), "the connection that the child has accepted")
	back.wait(t, l, 3)
	assert.Equal(t, uv.EOF, back[2].Status)
	require.NoError(t, child.Wait())
	require.NoError(t, client.ReadStop())
	talks(t, l, &server.Stream, &client.Stream)
	talks(t, l, &client.Stream, &server.Stream)
	closeStreams(t, &p.Stream, &client.Stream, &server.Stream)
}

// passBack is the child: it listens with the handle that it gets, and passes back the connection that it accepts.
func passBack(t *testing.T) {
	l := newLoop(t)
	p, err := uv.NewPipe(l, true)
	require.NoError(t, err)
	require.NoError(t, p.Open(3))
	var reads, conns, writes events
	require.NoError(t, p.ReadStart(&reads))
	reads.wait(t, l, 1)
	ln, conn := &uv.TCP{}, &uv.TCP{}
	require.NoError(t, p.AcceptPending(ln))
	require.NoError(t, ln.Listen(1, &conns))
	require.NoError(t, p.Send([]byte("listening"), false, ignore))
	conns.wait(t, l, 1)
	require.NoError(t, ln.Accept(conn))
	require.NoError(t, conn.Send([]byte("from the child"), false, ignore))
	b, n := buffer(l, "connection")
	defer b.Free()
	require.NoError(t, p.Write2(b, n, conn, &writes))
	writes.wait(t, l, 1)
	assert.Zero(t, writes[0].Status)
	closeStreams(t, &p.Stream, &ln.Stream, &conn.Stream)
}

func TestAUDPSocketIsPassedAlong(t *testing.T) {
	l := newLoop(t)
	from, to := ipcPair(t, l)
	udp, err := uv.NewUDP(l)
	require.NoError(t, err)
	require.NoError(t, udp.Bind(loopback, 0))
	at, err := udp.Sockname()
	require.NoError(t, err)
	var writes, reads events
	b, n := buffer(l, "udp")
	defer b.Free()
	require.NoError(t, from.Write2(b, n, udp, &writes))
	require.NoError(t, to.ReadStart(&reads))
	writes.wait(t, l, 1)
	reads.wait(t, l, 1)
	require.NoError(t, udp.Close(nil))
	assert.Equal(t, uv.TypeUDP, to.PendingType())
	assert.Equal(t, uv.EINVAL, to.AcceptPending(&uv.TCP{}))
	got := &uv.UDP{}
	require.NoError(t, to.AcceptPending(got))
	bound, err := got.Sockname()
	require.NoError(t, err)
	assert.Equal(t, at, bound)
	require.NoError(t, got.Close(nil))
	closeStreams(t, &from.Stream, &to.Stream)
}

func TestAPassedSocketOfAnotherFamilyIsItself(t *testing.T) {
	l := newLoop(t)
	ln := bound(t, l, netip.MustParseAddrPort("[::1]:0"))
	want, err := ln.Sockname()
	require.NoError(t, err)
	got := &uv.TCP{}
	passed(t, l, ln, got)
	at, err := got.Sockname()
	require.NoError(t, err)
	assert.Equal(t, want, at)
	require.NoError(t, got.Close(nil))
}
