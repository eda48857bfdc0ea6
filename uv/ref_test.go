// SPDX-License-Identifier: MIT

package uv_test

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// starters make each type of handle do something that lasts.
var starters = map[uv.HandleType]func(t *testing.T, l *uv.Loop, h handle){
	uv.TypeAsync:   func(*testing.T, *uv.Loop, handle) {},
	uv.TypeIdle:    func(t *testing.T, _ *uv.Loop, h handle) { require.NoError(t, h.(*uv.Idle).Start(ignore)) },
	uv.TypePrepare: func(t *testing.T, _ *uv.Loop, h handle) { require.NoError(t, h.(*uv.Prepare).Start(ignore)) },
	uv.TypeCheck:   func(t *testing.T, _ *uv.Loop, h handle) { require.NoError(t, h.(*uv.Check).Start(ignore)) },
	uv.TypeTimer: func(t *testing.T, _ *uv.Loop, h handle) {
		require.NoError(t, h.(*uv.Timer).Start(time.Hour, time.Hour, ignore))
	},
	uv.TypeTCP: func(t *testing.T, _ *uv.Loop, h handle) {
		require.NoError(t, h.(*uv.TCP).Bind(loopback, 0))
		require.NoError(t, h.(*uv.TCP).Listen(1, ignore))
	},
	uv.TypeUDP: func(t *testing.T, _ *uv.Loop, h handle) {
		require.NoError(t, h.(*uv.UDP).Bind(loopback, 0))
		require.NoError(t, h.(*uv.UDP).RecvStart(ignore))
	},
	uv.TypePipe: func(t *testing.T, _ *uv.Loop, h handle) {
		require.NoError(t, h.(*uv.Pipe).Bind(pipeName(t)))
		require.NoError(t, h.(*uv.Pipe).Listen(1, ignore))
	},
	uv.TypeSignal: func(t *testing.T, _ *uv.Loop, h handle) {
		require.NoError(t, h.(*uv.Signal).Start(syscall.SIGINT, ignore))
	},
}

// A handle keeps the loop alive while it is active and referenced.
func TestRefAndUnrefOfEveryHandle(t *testing.T) {
	for typ, start := range starters {
		t.Run(typ.String(), func(t *testing.T) {
			l := newLoop(t)
			h, err := handleTypes[typ].make(t, l)
			require.NoError(t, err)
			assert.True(t, h.HasRef())
			start(t, l, h)
			assert.True(t, h.IsActive())
			assert.True(t, l.Alive())
			h.Unref()
			h.Unref() // does not count
			assert.False(t, h.HasRef())
			assert.True(t, h.IsActive())
			assert.False(t, l.Alive())
			require.NoError(t, l.Run(uv.RunDefault), "returns")
			h.Ref()
			h.Ref()
			assert.True(t, l.Alive() && h.HasRef())
			h.Unref()
			assert.False(t, l.Alive())
			require.NoError(t, h.Close(nil), "also unreferenced")
			assert.False(t, h.HasRef())
			require.NoError(t, l.Run(uv.RunDefault))
			assert.Zero(t, l.Stats().Handles)
		})
	}
}

// A child is active from the start, and until its end.
func TestRefAndUnrefOfAProcess(t *testing.T) {
	l := newLoop(t)
	in, stdin := pipeTo(t, l)
	var exits events
	p, err := spawnSelf(l, "copy", []uv.Stdio{stdin}, &exits)
	require.NoError(t, err)
	assert.True(t, p.IsActive() && p.HasRef() && l.Alive())
	p.Unref()
	assert.True(t, p.IsActive() && !p.HasRef() && !l.Alive())
	require.NoError(t, l.Run(uv.RunDefault), "returns")
	assert.Empty(t, exits)
	p.Ref()
	require.NoError(t, in.Close(nil))
	require.NoError(t, l.Run(uv.RunDefault), "waits for the child")
	require.Len(t, exits, 1)
	assert.False(t, p.IsActive() || l.Alive())
	require.NoError(t, p.Close(nil))
}

// What reads keeps the loop alive, too.
func TestRefAndUnrefOfAReader(t *testing.T) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			l := newLoop(t)
			client, server := k.pair(t, l)
			require.NoError(t, l.Run(uv.RunDefault), "connected and at rest it returns")
			require.NoError(t, client.ReadStart(ignore))
			assert.True(t, l.Alive())
			client.Unref()
			require.NoError(t, l.Run(uv.RunDefault), "returns")
			client.Ref()
			assert.True(t, l.Alive())
			require.NoError(t, client.ReadStop())
			require.NoError(t, l.Run(uv.RunDefault), "returns")
			closeStreams(t, client, server)
		})
	}
}

func TestAnEmptyLoopReturns(t *testing.T) {
	l := newLoop(t)
	assert.False(t, l.Alive())
	require.NoError(t, l.Run(uv.RunDefault))
	n, err := l.Turn(uv.RunOnce)
	require.NoError(t, err)
	assert.Zero(t, n)
}

func TestUnrefInAPrepare(t *testing.T) {
	l := newLoop(t)
	prepare, err := uv.NewPrepare(l)
	require.NoError(t, err)
	idle, err := uv.NewIdle(l)
	require.NoError(t, err)
	turns := 0
	require.NoError(t, prepare.Start(uv.CompleterFunc(func(uv.Event) {
		if turns++; turns == 3 {
			prepare.Unref()
			idle.Unref()
		}
	})))
	require.NoError(t, idle.Start(ignore))
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Equal(t, 3, turns)
	closeAll(t, prepare, idle)
}

// A request keeps the loop alive although its handle does not.
func TestARequestOfAnUnreferencedHandleIsWaitedFor(t *testing.T) {
	l := newLoop(t)
	ln, err := uv.NewTCP(l)
	require.NoError(t, err)
	require.NoError(t, ln.Bind(loopback, 0))
	require.NoError(t, ln.Listen(8, ignore))
	ln.Unref()
	addr, err := ln.Sockname()
	require.NoError(t, err)
	c, err := uv.NewTCP(l)
	require.NoError(t, err)
	c.Unref()
	var connects, writes, ends events
	require.NoError(t, c.Connect(addr, &connects))
	require.NoError(t, l.Run(uv.RunDefault))
	require.Len(t, connects, 1)
	require.Zero(t, connects[0].Status)
	b := l.Buffer(4 << 20) // more than leaves at once: nobody reads
	require.NoError(t, c.Write(b, 4<<20, &writes))
	_, err = l.Turn(uv.RunNoWait)
	require.NoError(t, err)
	assert.True(t, l.Alive(), "the write")
	require.NoError(t, c.Shutdown(&ends))
	closeAll(t, c)
	require.NoError(t, l.Run(uv.RunDefault))
	assert.Len(t, writes, 1)
	assert.Len(t, ends, 1)
	b.Free()
	var server uv.TCP
	require.NoError(t, ln.Accept(&server))
	closeAll(t, &server, ln)
}
