// SPDX-License-Identifier: MIT

package uv_test

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// kind is a kind of stream, for tests whose body is the same for all.
type kind struct {
	name   string
	listen func(t *testing.T, l *uv.Loop, c uv.Completer) listener
}

// listener is a stream that listens, and how one connects to it.
type listener struct {
	*uv.Stream
	accept func() (*uv.Stream, error)
	// dial returns a client whatever Connect returns.
	dial func(c uv.Completer) (*uv.Stream, error)
}

var kinds = []kind{
	{"tcp4", tcpKind("127.0.0.1:0")},
	{"tcp6", tcpKind("[::1]:0")},
	{"pipe", listenPipe},
}

// eachKind runs f on a loop of its own for each kind of stream.
func eachKind(t *testing.T, f func(t *testing.T, l *uv.Loop, k kind)) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) { f(t, newLoop(t), k) })
	}
}

func tcpKind(addr string) func(*testing.T, *uv.Loop, uv.Completer) listener {
	return func(t *testing.T, l *uv.Loop, c uv.Completer) listener {
		t.Helper()
		ln := bound(t, l, netip.MustParseAddrPort(addr))
		require.NoError(t, ln.Listen(128, c))
		at, err := ln.Sockname()
		require.NoError(t, err)
		return listener{
			Stream: &ln.Stream,
			accept: func() (*uv.Stream, error) {
				c := &uv.TCP{}
				return &c.Stream, ln.Accept(c)
			},
			dial: func(c uv.Completer) (*uv.Stream, error) {
				client, err := uv.NewTCP(l)
				require.NoError(t, err)
				return &client.Stream, client.Connect(at, c)
			},
		}
	}
}

func bound(t *testing.T, l *uv.Loop, addr netip.AddrPort) *uv.TCP {
	t.Helper()
	tcp, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, tcp.Bind(addr, 0))
	return tcp
}

func listenPipe(t *testing.T, l *uv.Loop, c uv.Completer) listener {
	return listenPipeIPC(t, l, false, c)
}

func listenPipeIPC(t *testing.T, l *uv.Loop, ipc bool, c uv.Completer) listener {
	t.Helper()
	name := pipeName(t)
	ln, err := uv.NewPipe(l, ipc)
	require.NoError(t, err)
	require.NoError(t, ln.Bind(name))
	require.NoError(t, ln.Listen(128, c))
	return listener{
		Stream: &ln.Stream,
		accept: func() (*uv.Stream, error) {
			c := &uv.Pipe{}
			return &c.Stream, ln.Accept(c)
		},
		dial: func(c uv.Completer) (*uv.Stream, error) {
			client, err := uv.NewPipe(l, ipc)
			require.NoError(t, err)
			return &client.Stream, client.Connect(name, c)
		},
	}
}

var pipeNames atomic.Int64

// pipeName returns a name for a pipe of this test.
func pipeName(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		return fmt.Sprintf(`\\.\pipe\weft-%d-%d`, os.Getpid(), pipeNames.Add(1))
	}
	dir, err := os.MkdirTemp("", "weft") // t.TempDir's may be too long
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return filepath.Join(dir, "pipe")
}

// halfCloses skips the test for named pipes, whose directions do not end one by one.
func (k kind) halfCloses(t *testing.T) {
	t.Helper()
	if k.name == "pipe" && runtime.GOOS == "windows" {
		t.Skip("a named pipe ends both ways at once, when it is closed")
	}
}

// pair returns both ends of a connection; the listener is closed.
func (k kind) pair(t *testing.T, l *uv.Loop) (client, server *uv.Stream) {
	t.Helper()
	var conns events
	ln := k.listen(t, l, &conns)
	client, server = ln.pair(t, l, &conns)
	require.NoError(t, ln.Close(nil))
	return client, server
}

// pair connects once.
func (ln listener) pair(t *testing.T, l *uv.Loop, conns *events) (client, server *uv.Stream) {
	t.Helper()
	var connects events
	n := len(*conns)
	client, err := ln.dial(&connects)
	require.NoError(t, err)
	conns.wait(t, l, n+1)
	connects.wait(t, l, 1)
	require.Zero(t, connects[0].Status)
	server, err = ln.accept()
	require.NoError(t, err)
	return client, server
}

func closeStreams(t *testing.T, all ...*uv.Stream) {
	t.Helper()
	for _, s := range all {
		assert.NoError(t, s.Close(nil))
	}
}

// echo returns a Completer that sends back what s reads.
func echo(t *testing.T, s *uv.Stream) uv.Completer {
	return uv.CompleterFunc(func(ev uv.Event) {
		if ev.Status == 0 {
			assert.NoError(t, s.Send(ev.Data, false, uv.CompleterFunc(func(ev uv.Event) { assert.Zero(t, ev.Status) })))
		}
	})
}

func TestPingPong(t *testing.T) {
	ways := map[string]func(l *uv.Loop, s *uv.Stream, c uv.Completer) error{
		"whole": func(l *uv.Loop, s *uv.Stream, c uv.Completer) error {
			b, n := buffer(l, "PING\n")
			return s.Write(b, n, uv.CompleterFunc(func(ev uv.Event) { b.Free(); c.Complete(ev) }))
		},
		"parts": func(l *uv.Loop, s *uv.Stream, c uv.Completer) error {
			b1, n1 := buffer(l, "PI")
			b2, n2 := buffer(l, "NG\n")
			return s.WriteV([]uv.Part{{Buffer: b1, N: n1}, {Buffer: b2, N: n2}},
				uv.CompleterFunc(func(ev uv.Event) { b1.Free(); b2.Free(); c.Complete(ev) }))
		},
	}
	for way, write := range ways {
		t.Run(way, func(t *testing.T) {
			eachKind(t, func(t *testing.T, l *uv.Loop, k kind) {
				const rounds = 200
				client, server := k.pair(t, l)
				require.NoError(t, server.ReadStart(echo(t, server)))
				var writes events
				var got string
				require.NoError(t, client.ReadStart(uv.CompleterFunc(func(ev uv.Event) {
					got += string(ev.Data)
					if len(got)%5 == 0 && len(got) < 5*rounds {
						assert.NoError(t, write(l, client, &writes))
					}
				})))
				require.NoError(t, write(l, client, &writes))
				for len(got) < 5*rounds {
					_, err := l.Turn(uv.RunOnce)
					require.NoError(t, err)
				}
				writes.wait(t, l, rounds)
				for i, ev := range writes {
					assert.Equal(t, "PING\n", got[5*i:5*i+5])
					assert.Zero(t, ev.Status)
					assert.EqualValues(t, 5, ev.Value)
				}
				closeStreams(t, client, server)
			})
		})
	}
}
