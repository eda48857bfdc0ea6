// SPDX-License-Identifier: MIT

package io_test

import (
	"bytes"
	"context"
	stdio "io"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// pour has p send without end, until the test is over.
func pour(t *testing.T, p net.Conn) {
	t.Helper()
	t.Cleanup(func() { p.Close() })
	go func() {
		var err error
		for b := bytes.Repeat([]byte{'x'}, 1<<16); err == nil; {
			_, err = p.Write(b)
		}
	}()
}

// The race detector finds what the test itself may miss.
func TestACancelledReadIntoLeavesItsMemoryAlone(t *testing.T) {
	_, ctx := wefttest.Start(t)
	c, p := peer(t, ctx)
	pour(t, p)
	buf := make([]byte, 64<<10)
	cancelled := 0
	for i := range 20_000 {
		read := c.ReadInto(buf)
		for range i % 3000 { // somewhere in the course of the read
			if read.State() != promise.StatePending {
				break
			}
		}
		read.Cancel()
		if _, err := read.Await(ctx); err == nil {
			continue
		}
		cancelled++
		clear(buf)
		require.Equal(t, -1, bytes.IndexByte(buf, 'x'), "after %d reads", i)
	}
	assert.NotZero(t, cancelled)
	require.NoError(t, c.Close().Wait(ctx))
}

func TestAReaderInAGoroutineUsesItsOperationAgain(t *testing.T) {
	_, ctx := wefttest.Start(t)
	c, p := peer(t, ctx)
	go func() { _, _ = stdio.Copy(p, p) }()
	in := c.Reader(ctx)
	buf := make([]byte, 100)
	for i := range 3_000 {
		c.Write([]byte{byte(i)})
		n, err := in.Read(buf) // which has to wait
		require.NoError(t, err)
		require.Equal(t, []byte{byte(i)}, buf[:n])
	}
	require.NoError(t, c.Close().Wait(ctx))
}

func TestAReadThatCannotWaitTakesNothingLater(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		defer client.Close()
		defer server.Close()
		buf := make([]byte, 5)
		in := server.Reader(ctx)
		tried, r := promise.New[int](ctx)
		require.NoError(t, weftio.LoopFrom(ctx).Post(func() { r.Settle(in.Read(buf)) }))
		_, err := tried.Await(ctx)
		require.ErrorIs(t, err, promise.ErrWouldDeadlock)
		client.WriteLine("hello")
		line, err := server.ReadLine().Await(ctx)
		assert.Equal(t, "hello", line)
		assert.Equal(t, make([]byte, 5), buf)
		return err
	})
}

func TestTwoReadsOfOneReaderAtATimeAreAnError(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		client, server := pair(t, ctx)
		defer client.Close()
		defer server.Close()
		in := server.Reader(ctx)
		read := func(ctx context.Context) (string, error) {
			buf := make([]byte, 5)
			_, err := stdio.ReadFull(in, buf)
			return string(buf), err
		}
		first, second := promise.Spawn(ctx, read), promise.Spawn(ctx, read)
		assert.ErrorContains(t, second.Wait(ctx), "Reader.Read")
		client.WriteString("hello")
		got, err := first.Await(ctx)
		require.NoError(t, err)
		assert.Equal(t, "hello", got)
		client.WriteString("again")
		got, err = read(ctx) // it can be used again
		assert.Equal(t, "again", got)
		return err
	})
}
