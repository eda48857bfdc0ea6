// SPDX-License-Identifier: MIT

//go:build unix

package io_test

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// adoptC has C code adopt a host's loop, with options.
func adoptC(t *testing.T, host unsafe.Pointer, opts ...weftio.Option) (l *weftio.Loop, c unsafe.Pointer) {
	t.Helper()
	weftio.SetAdoptOptions(opts...)
	defer weftio.SetAdoptOptions()
	c, code, text := uvtest.AdoptC(host)
	require.Zero(t, code, text)
	l = weftio.Adopted(host)
	require.NotNil(t, l)
	require.Equal(t, c, l.CLoop())
	return l, c
}

func TestCAdoptsAndDetaches(t *testing.T) {
	var order []string
	h := uvtest.StartHost(uvtest.Once(func(host unsafe.Pointer) {
		assert.Nil(t, weftio.Adopted(host))
		l, c := adoptC(t, host, weftio.OnStart(func(*weftio.Loop) { order = append(order, "start") }))
		assert.Empty(t, order, "nothing runs inside weft_adopt")
		promise.Go(l.Context(context.Background()), func(ctx context.Context) error {
			client, server := pair(t, ctx)
			client.WriteLine("hello")
			line, err := server.ReadLine().Await(ctx)
			assert.NoError(t, err)
			order = append(order, line)
			assert.Zero(t, uvtest.DetachC(c, func(left string) {
				order = append(order, "detached"+left)
				assert.Zero(t, l.Stats())
				assert.Nil(t, weftio.Adopted(host))
			}))
			assert.Equal(t, uv.TokenAlready, uvtest.DetachC(c, nil))
			_, err = server.ReadLine().Await(ctx)
			assert.ErrorIs(t, err, promise.ErrLoopClosed)
			return nil
		})
	}))
	assert.Equal(t, 0, ends(t, h))
	assert.Equal(t, []string{"start", "hello", "detached"}, order)
}

func TestWhatWeftAdoptAndWeftDetachRefuse(t *testing.T) {
	h := uvtest.StartHost(uvtest.Once(func(host unsafe.Pointer) {
		l, c := adoptC(t, host)
		_, code, _ := uvtest.AdoptC(host)
		assert.Equal(t, uv.TokenAlready, code)
		assert.Equal(t, uv.OtherThread, uvtest.DetachOnAThread(c))
		assert.NoError(t, l.Detach(nil))
		assert.Equal(t, uv.TokenAlready, uvtest.DetachC(c, func(string) { t.Error("who was refused is not told") }))
	}))
	assert.Equal(t, 0, ends(t, h))

	l, err := weftio.Start()
	require.NoError(t, err)
	assert.Equal(t, uv.NotAdopted, uvtest.DetachC(l.CLoop(), nil))
	require.NoError(t, l.Do(t.Context(), func() {
		assert.Nil(t, weftio.Adopted(l.UVLoop()))
		_, err := weftio.Adopt(l.UVLoop())
		assert.ErrorIs(t, err, uv.EINVAL)
		_, code, text := uvtest.AdoptC(l.UVLoop())
		assert.Equal(t, uv.CannotAdopt, code)
		assert.Contains(t, text, "NewLoop")
	}))
	require.NoError(t, l.Close())
}

func TestWeftDetachNamesWhatDoesNotEnd(t *testing.T) {
	var told []string
	h := uvtest.StartHost(uvtest.Once(func(host unsafe.Pointer) {
		l, c := adoptC(t, host, weftio.Grace(10*time.Millisecond))
		forever, _ := promise.New[int](l.Context(context.Background()))
		promise.Go(l.Context(context.Background()), func(ctx context.Context) error { return stubbornTask(ctx, forever) })
		weftio.Sleep(l.Context(context.Background()), time.Millisecond).OnSettle(func(promise.Unit, error) {
			assert.Zero(t, uvtest.DetachC(c, func(left string) { told = append(told, left) }))
		})
	}))
	assert.Equal(t, 0, ends(t, h))
	require.Len(t, told, 1)
	assert.Contains(t, told[0], "task github.com/weft-go/weft/io_test.TestWeftDetachNamesWhatDoesNotEnd")
}

func TestCAdoptsAgainInItsCallback(t *testing.T) {
	rounds := 0
	var again func(host unsafe.Pointer)
	again = func(host unsafe.Pointer) {
		l, c := adoptC(t, host)
		weftio.Sleep(l.Context(context.Background()), time.Millisecond).OnSettle(func(promise.Unit, error) {
			assert.Zero(t, uvtest.DetachC(c, func(string) {
				if rounds++; rounds < 5 {
					again(host)
				}
			}))
		})
	}
	assert.Equal(t, 0, ends(t, uvtest.StartHost(uvtest.Once(again))))
	assert.Equal(t, 5, rounds)
}

func TestWeftDetachOfALoopThatTheHostHasClosed(t *testing.T) {
	var c unsafe.Pointer
	l, told := closesAll(t, func(l *weftio.Loop) { c = l.CLoop() }, func(*weftio.Loop) {
		assert.Equal(t, uv.TokenClosed, uvtest.DetachC(c, func(string) { t.Error("who was refused is not told") }))
	})
	isLost(t, l, told)
}
