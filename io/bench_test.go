// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"testing"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// on runs a benchmark's body as a task on a loop.
func on(b *testing.B, body func(ctx context.Context)) {
	b.Helper()
	b.ReportAllocs()
	err := weftio.Run(context.Background(), func(ctx context.Context) error {
		b.ResetTimer()
		body(ctx)
		b.StopTimer()
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}

func BenchmarkAwaitResolved(b *testing.B) {
	on(b, func(ctx context.Context) {
		p := promise.Resolved(1)
		for b.Loop() {
			_, _ = p.Await(ctx)
		}
	})
}

// BenchmarkAwaitPending is a New, a switch to the task that resolves it, and back: two switches.
func BenchmarkAwaitPending(b *testing.B) {
	on(b, func(ctx context.Context) {
		next := make([]*promise.Resolver[int], 0, 1)
		promise.Go(ctx, func(ctx context.Context) error {
			for {
				p, r := promise.New[int](ctx)
				if len(next) > 0 {
					next[0].Resolve(1)
					next = next[:0]
				}
				next = append(next, r)
				if _, err := p.Await(ctx); err != nil {
					return err
				}
			}
		})
		_ = promise.Pause(ctx).Wait(ctx)
		for b.Loop() {
			p, r := promise.New[int](ctx)
			next[0].Resolve(1)
			next[0] = r
			_, _ = p.Await(ctx)
		}
	})
}

func BenchmarkSpawn(b *testing.B) {
	on(b, func(ctx context.Context) {
		f := func(context.Context) (int, error) { return 1, nil }
		for b.Loop() {
			_, _ = promise.Spawn(ctx, f).Await(ctx)
		}
	})
}

func BenchmarkPauseTurn(b *testing.B) {
	on(b, func(ctx context.Context) {
		for b.Loop() {
			_ = promise.Pause(ctx).Wait(ctx)
		}
	})
}

func BenchmarkGoroutineAwait(b *testing.B) {
	l, err := weftio.Start()
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	ctx := l.Context(context.Background())
	b.ReportAllocs()
	for b.Loop() {
		_ = promise.Pause(ctx).Wait(context.Background())
	}
}

func BenchmarkEchoRoundTrip(b *testing.B) {
	on(b, func(ctx context.Context) {
		ln, _ := weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
		weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error {
			buf := make([]byte, 64)
			for {
				n, err := c.ReadInto(buf).Await(ctx)
				if err != nil {
					return nil
				}
				c.Write(buf[:n])
			}
		})
		c, err := weftio.Dial(ctx, "tcp", ln.String()).Await(ctx)
		if err != nil {
			b.Fatal(err)
		}
		msg, buf := make([]byte, 64), make([]byte, 64)
		for b.Loop() {
			c.Write(msg)
			_, _ = c.ReadInto(buf).Await(ctx)
		}
		c.Close()
	})
}
