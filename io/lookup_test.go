// SPDX-License-Identifier: MIT

//go:build linux || windows

package io_test

import (
	"context"
	"net"
	"net/netip"
	"os"
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

// afterALookupTimedOut has a lookup under way, in an operation, and awaits the operation in each way that a timeout ends.
func afterALookupTimedOut[T any](t *testing.T, start func(ctx context.Context) *promise.Promise[T], check func(err error)) {
	for name, end := range map[string]func(ctx context.Context, p *promise.Promise[T], cancel context.CancelCauseFunc) error{
		"WithTimeout": func(ctx context.Context, p *promise.Promise[T], _ context.CancelCauseFunc) error {
			return weftio.WithTimeout(ctx, time.Millisecond, p).Wait(ctx)
		},
		"the context of the await": func(ctx context.Context, p *promise.Promise[T], _ context.CancelCauseFunc) error {
			short, cancel := promise.ContextTimeout(ctx, time.Millisecond)
			defer cancel()
			return p.Wait(short)
		},
		"the context of the operation": func(ctx context.Context, p *promise.Promise[T], cancel context.CancelCauseFunc) error {
			cancel(promise.ErrTimeout)
			return p.Wait(ctx)
		},
	} {
		t.Run(name, func(t *testing.T) {
			wefttest.Run(t, func(ctx context.Context) error {
				running, cancel := context.WithCancelCause(ctx)
				defer cancel(nil)
				p := start(running)
				entered := func(context.Context) (promise.Unit, error) { slowdns.Entered(); return promise.Unit{}, nil }
				require.NoError(t, promise.Offload(ctx, entered).Wait(ctx))
				defer slowdns.Release()
				check(end(ctx, p, cancel))
				return nil
			})
		})
	}
}

func TestATimeoutDuringALookupNamesTheAddress(t *testing.T) {
	const address = slowdns.Host + ":http"
	check := func(op string) func(err error) {
		return func(err error) {
			var o *net.OpError
			require.ErrorAs(t, err, &o)
			assert.Equal(t, op, o.Op)
			assert.Equal(t, "tcp4", o.Net)
			assert.Equal(t, address, o.Addr.String(), "as written")
			assert.True(t, o.Timeout())
			var dns *net.DNSError
			require.ErrorAs(t, err, &dns)
			assert.Equal(t, slowdns.Host, dns.Name)
			assert.True(t, dns.IsTimeout)
			for _, target := range []error{promise.ErrTimeout, os.ErrDeadlineExceeded, context.DeadlineExceeded} {
				assert.ErrorIs(t, err, target)
			}
		}
	}
	afterALookupTimedOut(t, func(ctx context.Context) *promise.Promise[*weftio.Conn] { return weftio.Dial(ctx, "tcp4", address) }, check("dial"))
	afterALookupTimedOut(t, func(ctx context.Context) *promise.Promise[*weftio.Listener] {
		return weftio.Listen(ctx, "tcp4", address)
	}, check("listen"))
}
