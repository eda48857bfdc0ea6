// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
	"syscall"
)

// socket returns a descriptor of the system, and closes it at the end of the test unless a handle has it by then.
func socket(t *testing.T, family, typ int) int {
	t.Helper()
	fd, err := syscall.Socket(family, typ, 0)
	require.NoError(t, err)
	return fd
}

// opened returns a handle that has the descriptor.
func opened(t *testing.T, l *uv.Loop, fd int) *uv.UDP {
	t.Helper()
	u := newUDP(t, l)
	require.NoError(t, u.Open(uintptr(fd)))
	return u
}

func TestUDPOpen(t *testing.T) {
	l := newLoop(t)
	u := opened(t, l, socket(t, syscall.AF_INET, syscall.SOCK_DGRAM))
	second := socket(t, syscall.AF_INET, syscall.SOCK_DGRAM)
	assert.Equal(t, uv.EBUSY, u.Open(uintptr(second)), "twice")
	require.NoError(t, syscall.Close(second), "it is not the handle's")
	require.NoError(t, u.Bind(loopback, 0))
	at, err := u.Sockname()
	require.NoError(t, err)
	var got inbox
	require.NoError(t, u.RecvStart(&got))
	require.NoError(t, u.Send(text("to itself"), at, nil))
	got.wait(t, l, 1)
	assert.Equal(t, inbox{{data: "to itself", from: at}}, got)
	fd, err := u.Fileno()
	require.NoError(t, err)
	assert.Equal(t, uv.EEXIST, newUDP(t, l).Open(fd), "another handle's")
}

func TestUDPOpenBoundAndConnected(t *testing.T) {
	l := newLoop(t)
	_, at, got := receiver(t, l, loopback)
	fd := socket(t, syscall.AF_INET, syscall.SOCK_DGRAM)
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Connect(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: int(at.Port())}))
	u := opened(t, l, fd)
	from, err := u.Sockname()
	require.NoError(t, err)
	peer, err := u.Peername()
	require.NoError(t, err)
	assert.Equal(t, at, peer)
	_, err = u.TrySend(text("x"), at)
	assert.Equal(t, uv.EISCONN, err)
	_, err = u.TrySend(text("connected"), nowhere)
	require.NoError(t, err)
	got.wait(t, l, 1)
	assert.Equal(t, inbox{{data: "connected", from: from}}, *got)
	require.NoError(t, u.Disconnect())
}

func TestUDPOpenRefusesWhatHasNoDatagrams(t *testing.T) {
	l := newLoop(t)
	stream := socket(t, syscall.AF_INET, syscall.SOCK_STREAM)
	defer syscall.Close(stream)
	file, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer file.Close()
	u := newUDP(t, l)
	assert.Equal(t, uv.EINVAL, u.Open(uintptr(stream)))
	assert.Equal(t, uv.ENOTSOCK, u.Open(file.Fd()))
	assert.Error(t, u.Open(1<<20))
	var many uv.UDP
	require.NoError(t, many.InitEx(l, 0, true))
	defer closeUDP(&many)
	if !many.UsingRecvmmsg() {
		return
	}
	named := socket(t, syscall.AF_UNIX, syscall.SOCK_DGRAM)
	defer syscall.Close(named)
	assert.Equal(t, uv.EINVAL, many.Open(uintptr(named)), "recvmmsg makes up the names of Unix sockets")
}

func TestUDPOpenExLeavesReuseAddrAlone(t *testing.T) {
	reuses := func(fd int) bool {
		on, err := syscall.GetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR)
		require.NoError(t, err)
		return on != 0
	}
	l := newLoop(t)
	fd := socket(t, syscall.AF_INET, syscall.SOCK_DGRAM)
	opened(t, l, fd)
	assert.True(t, reuses(fd), "Open sets it")
	fd = socket(t, syscall.AF_INET, syscall.SOCK_DGRAM)
	u := newUDP(t, l)
	err := u.OpenEx(uintptr(fd), 0)
	assert.False(t, reuses(fd))
	if uv.Has(uv.FeatureUDPOpenEx) {
		assert.NoError(t, err)
	} else {
		assert.Equal(t, uv.ENOTSUP, err)
		require.NoError(t, syscall.Close(fd))
	}
}

// unixPair returns two connected Unix sockets. The system takes few of their datagrams: the rest waits in libuv.
func unixPair(t *testing.T, l *uv.Loop) (a, b *uv.UDP) {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_DGRAM, 0)
	require.NoError(t, err)
	return opened(t, l, fds[0]), opened(t, l, fds[1])
}

func TestUDPUnixSockets(t *testing.T) {
	l := newLoop(t)
	name := filepath.Join(t.TempDir(), "socket")
	fd := socket(t, syscall.AF_UNIX, syscall.SOCK_DGRAM)
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: name}))
	server := opened(t, l, fd)
	var got inbox
	require.NoError(t, server.RecvStart(&got))
	fd = socket(t, syscall.AF_UNIX, syscall.SOCK_DGRAM)
	require.NoError(t, syscall.Connect(fd, &syscall.SockaddrUnix{Name: name}))
	client := opened(t, l, fd)
	for i, s := range []string{"ping", "", strings.Repeat("x", 1<<16)} {
		require.NoError(t, client.Send(text(s), nowhere, nil))
		got.wait(t, l, i+1)
		assert.Equal(t, datagram{data: s}, got[i], "without an address that netip knows")
	}
	require.NoError(t, client.Send(text(strings.Repeat("x", 1<<16+1)), nowhere, nil))
	got.wait(t, l, 4)
	assert.Equal(t, datagram{data: strings.Repeat("x", 1<<16), partial: true}, got[3])
	_, err := server.Sockname()
	assert.Equal(t, uv.EAFNOSUPPORT, err)
}

func TestUDPSendsThatWait(t *testing.T) {
	const n = 1000
	l := newLoop(t)
	a, b := unixPair(t, l)
	var sends events
	for i := range n {
		require.NoError(t, a.Send(text(fmt.Sprintf("%4d", i)), nowhere, &sends))
	}
	waiting := a.SendQueueCount()
	require.Positive(t, waiting)
	require.Less(t, waiting, n)
	assert.Equal(t, 4*waiting, a.SendQueueSize())
	_, err := a.TrySend(text("x"), nowhere)
	assert.Equal(t, uv.EAGAIN, err)
	_, err = a.TrySend2([]uv.Datagram{{Bufs: text("x")}})
	assert.Equal(t, uv.EAGAIN, err)
	assert.True(t, a.IsActive())
	for range 3 {
		_, err := l.Turn(uv.RunNoWait)
		require.NoError(t, err)
	}
	assert.Len(t, sends, n-waiting)
	var got inbox
	require.NoError(t, b.RecvStart(&got))
	got.wait(t, l, n)
	sends.wait(t, l, n)
	for i, s := range sends {
		assert.Zero(t, s.Status)
		assert.EqualValues(t, 4, s.Value)
		assert.Equal(t, fmt.Sprintf("%4d", i), got[i].data, "in order, none lost, none twice")
	}
	assert.Zero(t, a.SendQueueCount()+a.SendQueueSize())
}

func TestUDPCloseEndsTheSendsThatWait(t *testing.T) {
	const n = 1000
	for _, started := range []bool{false, true} {
		t.Run(fmt.Sprint("libuv has them ", started), func(t *testing.T) {
			l := newLoop(t)
			a, _ := unixPair(t, l)
			var sends, closes events
			settled := make([]int, n)
			for i := range n {
				require.NoError(t, a.Send(text("x"), nowhere, uv.CompleterFunc(func(ev uv.Event) {
					settled[i]++
					sends.Complete(ev)
					assert.Empty(t, closes, "before the close")
				})))
			}
			if started {
				_, err := l.Turn(uv.RunNoWait)
				require.NoError(t, err)
			}
			require.NoError(t, a.Send(text("x"), nowhere, nil), "nobody is told of this one")
			require.NoError(t, a.Close(&closes))
			assert.Equal(t, uv.ErrClosed, a.Send(text("x"), nowhere, &sends))
			closes.wait(t, l, 1)
			canceled := 0
			for i, s := range sends {
				assert.Equal(t, 1, settled[i])
				if s.Status != 0 {
					assert.Equal(t, uv.ECANCELED, s.Status)
					canceled++
				}
			}
			assert.Len(t, sends, n)
			assert.Positive(t, canceled)
			assert.Less(t, canceled, n)
			assert.Zero(t, l.Stats().Requests)
		})
	}
}

// TrySend2 sends what the system takes, and says how many that was.
func TestUDPTrySend2StopsWhereTheSystemDoes(t *testing.T) {
	l := newLoop(t)
	a, b := unixPair(t, l)
	all := make([]uv.Datagram, 1000)
	for i := range all {
		all[i].Bufs = text(strconv.Itoa(i))
	}
	n, err := a.TrySend2(all)
	require.NoError(t, err)
	require.Positive(t, n)
	require.Less(t, n, len(all))
	_, err = a.TrySend2(all)
	assert.Equal(t, uv.EAGAIN, err)
	var got inbox
	require.NoError(t, b.RecvStart(&got))
	got.wait(t, l, n)
	for i, d := range got {
		assert.Equal(t, strconv.Itoa(i), d.data)
	}
}

const pythonEcho = `
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 0))
print(s.getsockname()[1], flush=True)
while True:
    data, peer = s.recvfrom(65536)
    s.sendto(data.upper(), peer)
    if data == b"end":
        break
`

func TestUDPPythonIsThePeer(t *testing.T) {
	for name, end := range ends(t) {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("python3", "-c", pythonEcho, end.Addr().String())
			cmd.Stderr = os.Stderr
			out, err := cmd.StdoutPipe()
			require.NoError(t, err)
			require.NoError(t, cmd.Start())
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = cmd.Wait()
			})
			line, err := bufio.NewReader(out).ReadString('\n')
			require.NoError(t, err)
			port, err := strconv.ParseUint(strings.TrimSpace(line), 10, 16)
			require.NoError(t, err)

			l := newLoop(t)
			peer := netip.AddrPortFrom(end.Addr(), uint16(port))
			u, _, got := receiver(t, l, end)
			for i, s := range []string{"", "hello", strings.Repeat("x", 60000), "end"} {
				require.NoError(t, u.Send(text(s), peer, nil))
				got.wait(t, l, i+1)
				assert.Equal(t, datagram{data: strings.ToUpper(s), from: peer}, (*got)[i])
			}
			assert.NoError(t, cmd.Wait())
		})
	}
}

// None is lost or told twice when the receiver's side is closed under sends that wait.
func TestUDPPeerThatCloses(t *testing.T) {
	const n = 500
	l := newLoop(t)
	a, b := unixPair(t, l)
	var sends events
	for range n {
		require.NoError(t, a.Send(text("x"), nowhere, &sends))
	}
	waiting := a.SendQueueCount()
	require.Positive(t, waiting)
	require.NoError(t, b.Close(nil))
	sends.wait(t, l, n)
	failed := 0
	for _, s := range sends {
		if s.Status != 0 {
			assert.Contains(t, []uv.Errno{uv.ECONNREFUSED, uv.ECONNRESET, uv.ENOTCONN}, s.Status)
			failed++
		}
	}
	assert.Equal(t, waiting, failed)
	assert.Zero(t, a.SendQueueCount())
}
