// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"errors"
	"runtime"
	"testing"
	"time"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

func TestSmoke(t *testing.T) {
	l := promisetest.New()
	err := l.Run(func(ctx context.Context) error {
		p, r := promise.New[int](ctx)
		promise.Go(ctx, func(ctx context.Context) error {
			if err := promise.Sleep(ctx, time.Second).Wait(ctx); err != nil {
				return err
			}
			r.Resolve(42)
			return nil
		})
		v, err := p.Await(ctx)
		t.Log(v, err)
		q := promise.Bind(promise.Sleep(ctx, time.Hour), func(promise.Unit) *promise.Promise[int] { return promise.Resolved(3) })
		v, err = q.Await(ctx)
		t.Log(v, err, l.Now())
		pk := promise.Pick(promise.Sleep(ctx, time.Hour), promise.Sleep(ctx, time.Minute))
		t.Log(pk.Wait(ctx), l.Now())
		cctx, cancel := promise.ContextTimeout(ctx, time.Second)
		defer cancel()
		n, nr := promise.New[int](ctx)
		_, err = n.Await(cctx)
		t.Log(err, nr.Canceled(), cctx.Err())
		_, err = promise.WithTimeout(ctx, time.Second, mustNew(ctx)).Await(ctx)
		t.Log(err, errors.Is(err, context.DeadlineExceeded))
		return nil
	})
	t.Log(err, l.Close())
}
func mustNew(ctx context.Context) *promise.Promise[int] { p, _ := promise.New[int](ctx); return p }

func TestGoexit(t *testing.T) {
	l := promisetest.New()
	err := l.Run(func(ctx context.Context) error {
		p := promise.Spawn(ctx, func(ctx context.Context) (int, error) { fail(); return 1, nil })
		_, err := p.Await(ctx)
		t.Log(err)
		m := promise.Map(promise.Pause(ctx), func(promise.Unit) (int, error) { fail(); return 1, nil })
		_, err = m.Await(ctx)
		t.Log(err)
		b := promise.Bind(promise.Pause(ctx), func(promise.Unit) *promise.Promise[int] { panic("x") })
		_, err = b.Await(ctx)
		t.Log(len(err.Error()))
		return nil
	})
	t.Log(err, l.Close())
}

type bloop struct{}

func BenchmarkAwaitPending(b *testing.B) {
	l := promisetest.New()
	l.Run(func(ctx context.Context) error {
		b.ReportAllocs()
		for b.Loop() {
			promise.Pause(ctx).Wait(ctx)
		}
		return nil
	})
}
func BenchmarkMap(b *testing.B) {
	l := promisetest.New()
	ctx := l.Context()
	b.ReportAllocs()
	for b.Loop() {
		p, r := promise.New[int](ctx)
		promise.Map(p, func(i int) (int, error) { return i, nil })
		r.Resolve(1)
		l.Queue().Run()
	}
}
func BenchmarkChain(b *testing.B) {
	l := promisetest.New()
	ctx := l.Context()
	b.ReportAllocs()
	p, r := promise.New[int](ctx)
	for b.Loop() {
		p = promise.Map(p, func(i int) (int, error) { return i, nil })
	}
	r.Resolve(1)
	for l.Queue().Run() {
	}
}
func BenchmarkSpawn(b *testing.B) {
	l := promisetest.New()
	ctx := l.Context()
	b.ReportAllocs()
	f := func(ctx context.Context) (int, error) { return 1, nil }
	for b.Loop() {
		promise.Spawn(ctx, f)
		l.Queue().Run()
	}
}
func fail() { runtime.Goexit() }
