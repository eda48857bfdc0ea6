// SPDX-License-Identifier: MIT

package uv_test

import (
	"net"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

var ignore = uv.CompleterFunc(func(uv.Event) {})

// handle is what all types of handles have in common.
type handle interface {
	Loop() *uv.Loop
	Type() uv.HandleType
	IsActive() bool
	IsClosing() bool
	HasRef() bool
	Ref()
	Unref()
	Close(c uv.Completer) error
}

// handleType is a type of handle: its zero value, and a function that makes one.
type handleType = struct {
	zero handle
	make func(t *testing.T, l *uv.Loop) (handle, error)
}

// handleTypes has every type of handle.
var handleTypes = map[uv.HandleType]handleType{
	uv.TypeAsync:   {&uv.Async{}, func(_ *testing.T, l *uv.Loop) (handle, error) { return uv.NewAsync(l, ignore) }},
	uv.TypeCheck:   {&uv.Check{}, func(_ *testing.T, l *uv.Loop) (handle, error) { return uv.NewCheck(l) }},
	uv.TypeIdle:    {&uv.Idle{}, func(_ *testing.T, l *uv.Loop) (handle, error) { return uv.NewIdle(l) }},
	uv.TypePrepare: {&uv.Prepare{}, func(_ *testing.T, l *uv.Loop) (handle, error) { return uv.NewPrepare(l) }},
	uv.TypePipe:    {&uv.Pipe{}, func(_ *testing.T, l *uv.Loop) (handle, error) { return uv.NewPipe(l, false) }},
	uv.TypeTCP:     {&uv.TCP{}, func(_ *testing.T, l *uv.Loop) (handle, error) { return uv.NewTCP(l) }},
	uv.TypeUDP:     {&uv.UDP{}, func(_ *testing.T, l *uv.Loop) (handle, error) { return uv.NewUDP(l) }},
	uv.TypeTimer:   {&uv.Timer{}, func(_ *testing.T, l *uv.Loop) (handle, error) { return uv.NewTimer(l) }},
}

func TestNoHandleIsMadeOnAClosedLoop(t *testing.T) {
	l, err := uv.NewLoop()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	for typ, h := range handleTypes {
		got, err := h.make(t, l)
		assert.ErrorIs(t, err, uv.ErrClosed, "%s", typ)
		assert.Nil(t, got, "%s", typ)
	}
}

func TestEveryMethodOfAClosedHandleSaysSo(t *testing.T) {
	for typ, h := range handleTypes {
		t.Run(typ.String(), func(t *testing.T) {
			l := newLoop(t)
			made, err := h.make(t, l)
			require.NoError(t, err)
			assert.Equal(t, typ, made.Type())
			assert.Equal(t, l, made.Loop())
			assert.False(t, made.IsClosing())
			var closes events
			require.NoError(t, made.Close(&closes))
			callAll(t, made)
			closes.wait(t, l, 1)
			callAll(t, made)
			assert.Len(t, closes, 1)
			callAll(t, h.zero)
		})
	}
}

// A type of handle has Handle in it, and so a Close that is not its own.
func TestClosingTheHandleInsideIsClosingTheHandle(t *testing.T) {
	roads := map[string]func(h handle) error{
		"the type's": func(h handle) error { return h.Close(nil) },
		"Handle's": func(h handle) error {
			return reflect.ValueOf(h).Elem().FieldByName("Handle").Addr().Interface().(*uv.Handle).Close(nil)
		},
	}
	for road, closes := range roads {
		for typ, h := range handleTypes {
			t.Run(road+" "+typ.String(), func(t *testing.T) {
				l := newLoop(t)
				before := l.Stats()
				made, err := h.make(t, l)
				require.NoError(t, err)
				check := func() {}
				if prepare := closers[typ]; prepare != nil {
					check = prepare(t, l, made)
				}
				require.NoError(t, closes(made))
				check()
				assert.ErrorIs(t, closes(made), uv.ErrClosed)
				assert.True(t, made.IsClosing())
				require.NoError(t, l.Run(uv.RunDefault))
				assert.Equal(t, before.Handles, l.Stats().Handles)
			})
		}
	}
}

// closers have a type of handle do what Close has more to end than libuv does, and return what sees to it that it has.
var closers = map[uv.HandleType]func(t *testing.T, l *uv.Loop, h handle) (check func()){
	uv.TypeAsync: func(t *testing.T, _ *uv.Loop, h handle) func() {
		require.NoError(t, h.(*uv.Async).Send())
		return func() { assert.ErrorIs(t, h.(*uv.Async).Send(), uv.ErrClosed) }
	},
	uv.TypeSignal: func(t *testing.T, _ *uv.Loop, h handle) func() {
		require.NoError(t, h.(*uv.Signal).Start(syscall.SIGINT, ignore))
		return func() { assert.Zero(t, h.(*uv.Signal).Signum()) }
	},
	uv.TypeTCP: func(t *testing.T, l *uv.Loop, h handle) func() {
		ln := h.(*uv.TCP)
		var connections events
		require.NoError(t, ln.Bind(loopback, 0))
		require.NoError(t, ln.Listen(1, &connections))
		addr, err := ln.Sockname()
		require.NoError(t, err)
		client, err := net.Dial("tcp", addr.String())
		require.NoError(t, err)
		connections.wait(t, l, 1)
		return func() { // nobody has taken it
			require.NoError(t, l.Run(uv.RunNoWait))
			_, err := client.Read(make([]byte, 1))
			assert.Error(t, err)
			assert.NoError(t, client.Close())
		}
	},
}

// callAll calls every method of a handle that is not open, with zero values. None may crash, and all that return an error return
// ErrClosed.
func callAll(t *testing.T, h handle) {
	t.Helper()
	v := reflect.ValueOf(h)
	for i := range v.NumMethod() {
		m := v.Type().Method(i)
		if strings.HasPrefix(m.Name, "Init") { // it opens one
			continue
		}
		var args []reflect.Value
		for j := 1; j < m.Type.NumIn(); j++ {
			args = append(args, zeroOf(m.Type.In(j)))
		}
		call := v.Method(i).Call
		if m.Type.IsVariadic() {
			call = v.Method(i).CallSlice
		}
		for _, out := range call(args) {
			if err, ok := out.Interface().(error); out.Type().Implements(reflect.TypeFor[error]()) && out.Kind() == reflect.Interface {
				assert.True(t, ok, "%s returns no error", m.Name)
				assert.ErrorIs(t, err, uv.ErrClosed, "%s", m.Name)
			}
		}
	}
	assert.True(t, h.IsClosing())
	assert.False(t, h.IsActive())
	assert.False(t, h.HasRef())
}

func zeroOf(typ reflect.Type) reflect.Value {
	if typ == reflect.TypeFor[uv.Completer]() {
		return reflect.ValueOf(ignore)
	}
	return reflect.Zero(typ)
}

// copied returns a copy that vet does not see.
func copied[T any](from *T) *T {
	to := new(T)
	reflect.ValueOf(to).Elem().Set(reflect.ValueOf(from).Elem())
	return to
}

// libuv aborts when a handle is closed twice, and uses memory that is free when one is used after that.
func TestACopyOfAHandleIsNone(t *testing.T) {
	l := newLoop(t)
	tcp, err := uv.NewTCP(l)
	require.NoError(t, err)
	timer, err := uv.NewTimer(l)
	require.NoError(t, err)
	tcp2, timer2 := copied(tcp), copied(timer)
	assert.True(t, tcp2.IsClosing())
	require.NoError(t, tcp.Close(nil))
	require.NoError(t, timer.Close(nil))
	_, err = l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	assert.Equal(t, uv.ErrClosed, tcp2.Close(nil))
	assert.Equal(t, uv.ErrClosed, tcp2.Bind(loopback, 0))
	assert.Equal(t, uv.ErrClosed, tcp2.Send([]byte("x"), false, ignore))
	assert.Equal(t, uv.ErrClosed, timer2.Start(0, 0, ignore))
	assert.Equal(t, uv.ErrClosed, timer2.Close(nil))
}
