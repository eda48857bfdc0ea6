// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/weft-go/weft/promise"
)

// family is what was started under one ctx, tasks under tasks. All of it must hear of the end of that ctx, also what was started by
// tasks that have returned.
type family struct {
	w       *worker
	mu      sync.Mutex
	members []promise.Awaitable
}

func families(w *worker) {
	for range 1 + w.rnd.IntN(5) {
		f := &family{w: w}
		ctx, cancel := f.top()
		defer cancel()
		seed, depth, stays := w.rnd.Uint64(), 1+w.rnd.IntN(5), w.one(2)
		grown := promise.Go(ctx, func(ctx context.Context) error {
			f.grow(ctx, rand.New(rand.NewPCG(seed, 0)), depth)
			if stays {
				return promise.Sleep(ctx, time.Hour).Wait(ctx)
			}
			return nil
		})
		if !stays {
			_ = w.settled("a family's first task", grown)
		}
		w.elsewhere(cancel)
		_ = w.settled("a family's first task", grown)
		f.end()
	}
}

// top returns the ctx of the whole family.
func (f *family) top() (context.Context, context.CancelFunc) {
	if f.w.one(2) {
		return promise.ContextTimeout(f.w.ctx, time.Hour)
	}
	return context.WithCancel(f.w.ctx)
}

func (f *family) add(p promise.Awaitable) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.members = append(f.members, p)
}

// end waits until every member has settled. Members may still add others.
func (f *family) end() {
	for i := 0; ; i++ {
		f.mu.Lock()
		if i == len(f.members) {
			f.mu.Unlock()
			return
		}
		p := f.members[i]
		f.mu.Unlock()
		if err := f.w.settled("a member of a family whose ctx has ended", p); err != nil && !calledOff(err) && !f.w.over(err) {
			f.w.fail("a member of a family ended with %v", err)
		}
	}
}

// grow starts a few members under ctx.
func (f *family) grow(ctx context.Context, rnd *rand.Rand, depth int) {
	for range 1 + rnd.IntN(3) {
		f.start(ctx, rnd, depth)
	}
}

// start starts one member.
func (f *family) start(ctx context.Context, rnd *rand.Rand, depth int) {
	under := f.derive(ctx, rnd)
	switch kind := rnd.IntN(7); {
	case depth > 0 && kind < 4:
		seed := rnd.Uint64()
		f.add(promise.Go(under, func(ctx context.Context) error {
			own := rand.New(rand.NewPCG(seed, 0))
			f.grow(ctx, own, depth-1)
			switch own.IntN(3) {
			case 0:
				return promise.Sleep(ctx, time.Hour).Wait(ctx)
			case 1:
				return promise.Pause(ctx).Wait(ctx)
			}
			return nil
		}))
	case kind == 4:
		f.add(promise.Offload(under, func(ctx context.Context) (int, error) { <-ctx.Done(); return 0, nil }))
	case kind == 5:
		never, _ := promise.New[int](ctx)
		f.add(promise.WithContext(under, never))
	default:
		f.add(promise.Sleep(under, time.Hour))
	}
}

// derive returns ctx or one below it that would live for long.
func (f *family) derive(ctx context.Context, rnd *rand.Rand) context.Context {
	var cancel context.CancelFunc
	switch rnd.IntN(5) {
	case 0:
		ctx, cancel = promise.ContextTimeout(ctx, time.Hour)
	case 1:
		ctx, cancel = context.WithCancel(ctx)
	case 2:
		ctx, cancel = context.WithTimeout(ctx, time.Hour)
	default:
		return context.WithValue(ctx, f, f)
	}
	context.AfterFunc(ctx, cancel)
	return ctx
}
