// SPDX-License-Identifier: MIT

package uv_test

import (
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// nobody is what cannot be told of anything.
var nobody = map[string]uv.Completer{"nil": nil, "a nil function": uv.CompleterFunc(nil)}

// operations have every method of a handle that has to tell somebody, called as it may be.
var operations = map[string]func(h handle, b uv.Buffer, c uv.Completer) error{
	"Start": func(h handle, _ uv.Buffer, c uv.Completer) error {
		switch h := h.(type) {
		case *uv.Timer:
			return h.Start(0, 0, c)
		case *uv.Poll:
			return h.Start(uv.Readable, c)
		case *uv.Signal:
			return h.Start(syscall.SIGINT, c)
		default:
			return h.(hook).Start(c)
		}
	},
	"StartOneshot": func(h handle, _ uv.Buffer, c uv.Completer) error {
		return h.(*uv.Signal).StartOneshot(syscall.SIGINT, c)
	},
	"RecvStart": func(h handle, _ uv.Buffer, c uv.Completer) error { return h.(*uv.UDP).RecvStart(c) },
	"Connect": func(h handle, _ uv.Buffer, c uv.Completer) error {
		if pipe, ok := h.(*uv.Pipe); ok {
			return pipe.Connect("nowhere", c)
		}
		return h.(*uv.TCP).Connect(loopback, c)
	},
	"Write2": func(h handle, b uv.Buffer, c uv.Completer) error { return h.(*uv.Pipe).Write2(b, 1, h.(*uv.Pipe), c) },
	"ReadStart": func(h handle, _ uv.Buffer, c uv.Completer) error {
		return h.(interface{ ReadStart(uv.Completer) error }).ReadStart(c)
	},
	"Write": func(h handle, b uv.Buffer, c uv.Completer) error {
		return h.(interface {
			Write(uv.Buffer, int, uv.Completer) error
		}).Write(b, 1, c)
	},
	"WriteV": func(h handle, b uv.Buffer, c uv.Completer) error {
		return h.(interface {
			WriteV([]uv.Part, uv.Completer) error
		}).WriteV([]uv.Part{{Buffer: b, N: 1}}, c)
	},
	"Send": func(h handle, _ uv.Buffer, c uv.Completer) error {
		return h.(interface {
			Send([]byte, bool, uv.Completer) error
		}).Send([]byte("x"), true, c)
	},
	"Shutdown": func(h handle, _ uv.Buffer, c uv.Completer) error {
		return h.(interface{ Shutdown(uv.Completer) error }).Shutdown(c)
	},
	"Listen": func(h handle, _ uv.Buffer, c uv.Completer) error {
		return h.(interface {
			Listen(int, uv.Completer) error
		}).Listen(1, c)
	},
}

// mayTellNobody says of which methods nobody needs to hear.
func mayTellNobody(typ uv.HandleType, method string) bool {
	return strings.HasPrefix(method, "Close") || typ == uv.TypeUDP && method == "Send"
}

// takesCompleter reports whether somebody is told of what a method does.
func takesCompleter(m reflect.Method) bool {
	for i := 1; i < m.Type.NumIn(); i++ {
		if m.Type.In(i) == reflect.TypeFor[uv.Completer]() {
			return true
		}
	}
	return false
}

func TestEveryOperationRefusesANilCompleter(t *testing.T) {
	for typ, kind := range handleTypes {
		for who, c := range nobody {
			t.Run(typ.String()+" "+who, func(t *testing.T) {
				l := newLoop(t)
				b, _ := buffer(l, "x")
				defer b.Free()
				h, err := kind.make(t, l)
				require.NoError(t, err)
				before := l.Stats()
				for i := range reflect.TypeOf(h).NumMethod() {
					m := reflect.TypeOf(h).Method(i)
					if !takesCompleter(m) || mayTellNobody(typ, m.Name) {
						continue
					}
					if call := operations[m.Name]; assert.NotNil(t, call, "%s is missing here", m.Name) {
						assert.Equal(t, uv.EINVAL, call(h, b, c), m.Name)
					}
				}
				assert.Equal(t, before, l.Stats(), "nothing was begun")
				require.NoError(t, h.Close(nil))
				require.NoError(t, l.Run(uv.RunDefault))
			})
		}
	}
}

// What makes a difference on connections of all kinds.
func TestEveryOperationOfAConnectionRefusesANilCompleter(t *testing.T) {
	for _, c := range nobody {
		l := newLoop(t)
		b, n := buffer(l, "x")
		defer b.Free()
		client, server := ipcPair(t, l)
		tcp := bound(t, l, loopback)
		assert.Equal(t, uv.EINVAL, client.ReadStart(c))
		assert.Equal(t, uv.EINVAL, client.Write2(b, n, tcp, c))
		assert.Equal(t, uv.EINVAL, tcp.Listen(1, c))
		_, err := uv.GetAddrInfo(l, "127.0.0.1", "", uv.AddrInfoHints{}, c)
		assert.Equal(t, uv.EINVAL, err)
		talks(t, l, &client.Stream, &server.Stream)
		closeStreams(t, &client.Stream, &server.Stream, &tcp.Stream)
	}
}

func TestWhatNobodyNeedsToHearOf(t *testing.T) {
	for _, c := range nobody {
		l := newLoop(t)
		async, err := uv.NewAsync(l, c)
		require.NoError(t, err)
		require.NoError(t, async.Send())
		udp, err := uv.NewUDP(l)
		require.NoError(t, err)
		require.NoError(t, udp.Bind(loopback, 0))
		at, err := udp.Sockname()
		require.NoError(t, err)
		require.NoError(t, udp.Send(text("x"), at, c))
		client, server := connected(t, l, loopback)
		for _, h := range []handle{async, udp, client} {
			require.NoError(t, h.Close(c))
		}
		require.NoError(t, server.CloseReset(c))
		child, err := spawnSelf(l, "exit", nil, c)
		require.NoError(t, err)
		require.NoError(t, l.Run(uv.RunDefault), "it has ended")
		require.NoError(t, child.Close(nil))
		require.NoError(t, l.Run(uv.RunDefault))
		assert.Zero(t, l.Stats().Tokens)
	}
}
