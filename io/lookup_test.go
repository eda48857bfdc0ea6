// SPDX-License-Identifier: MIT

//go:build linux || windows

package io_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv/uvtest/slowdns"
	"github.com/weft-go/weft/wefttest"
)

func TestLookupThatOutlivesTheLoopIsNamedAndReaped(t *testing.T) {
	owned(t, "a lookup is the host's request, and Detach waits for it")
	l, ctx := wefttest.Start(t, weftio.Grace(10*time.Millisecond))
	p := weftio.LookupHost(ctx, slowdns.Host)
	slowdns.Entered()
	assert.ErrorContains(t, l.Close(), "1 name lookup")
	assert.ErrorIs(t, p.Wait(t.Context()), promise.ErrLoopClosed)
	assert.Equal(t, 1, l.Stats().Requests)
	slowdns.Release()
	assert.Eventually(t, func() bool { return l.Stats() == weftio.Stats{} }, 5*time.Second, time.Millisecond)
}

func TestCloseWithdrawsEveryLookupThatHasNotBegun(t *testing.T) {
	l, ctx := wefttest.Start(t, weftio.Grace(time.Minute), wefttest.Allow("no such host")) // what has begun finds none
	var all []*promise.Promise[[]netip.Addr]
	for range 50 {
		all = append(all, weftio.LookupHost(ctx, slowdns.Host))
	}
	slowdns.Entered()
	closed := make(chan error)
	go func() { closed <- closeLoop(l) }()
	// The pool takes them in order: the last one is withdrawn after all others.
	assert.Equal(t, promise.ErrLoopClosed, all[49].Wait(t.Context()))
	begun := 0
	for _, p := range all {
		if _, _, settled := p.Poll(); !settled {
			begun++
		}
	}
	assert.Positive(t, begun)
	assert.LessOrEqual(t, begun, 8, "no more than the pool has threads")
	for range begun {
		slowdns.Release()
	}
	require.NoError(t, <-closed)
	for range begun - 1 {
		slowdns.Entered()
	}
	assert.Zero(t, l.Stats())
}

func TestTimeoutDuringALookup(t *testing.T) {
	err := weftio.Run(t.Context(), func(ctx context.Context) error {
		dial := weftio.Dial(ctx, "tcp", slowdns.Host+":80")
		entered := func(context.Context) (promise.Unit, error) { slowdns.Entered(); return promise.Unit{}, nil }
		require.NoError(t, promise.Offload(ctx, entered).Wait(ctx))
		err := weftio.WithTimeout(ctx, time.Millisecond, dial).Wait(ctx)
		require.ErrorIs(t, err, promise.ErrTimeout)
		slowdns.Release()
		return nil
	})
	assert.NoError(t, err)
}
