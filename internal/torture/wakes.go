// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"time"

	"github.com/weft-go/weft/promise"
)

// ways are the ways in which something off a loop can make it go on.
var ways = []struct {
	name string
	wake func(w *worker, p *promise.Promise[int], r *promise.Resolver[int]) promise.Awaitable
}{
	{"a Post", func(w *worker, p *promise.Promise[int], r *promise.Resolver[int]) promise.Awaitable {
		linger(w.rnd)
		_ = w.l.Post(func() { r.Resolve(1) })
		return p
	}},
	{"a Do", func(w *worker, p *promise.Promise[int], r *promise.Resolver[int]) promise.Awaitable {
		linger(w.rnd)
		defer w.watch("a Do")()
		_ = w.l.Do(context.Background(), func() { r.Resolve(1) })
		return p
	}},
	{"a Resolve", func(w *worker, p *promise.Promise[int], r *promise.Resolver[int]) promise.Awaitable {
		waiting := waits(w.ctx, p)
		linger(w.rnd)
		r.Resolve(1)
		return waiting
	}},
	{"a Resolve from the other loop", func(w *worker, p *promise.Promise[int], r *promise.Resolver[int]) promise.Awaitable {
		waiting := waits(w.ctx, p)
		linger(w.rnd)
		if w.loops[1-w.home].Post(func() { r.Resolve(1) }) != nil {
			r.Resolve(1)
		}
		return waiting
	}},
	{"a Cancel", func(w *worker, p *promise.Promise[int], _ *promise.Resolver[int]) promise.Awaitable {
		waiting := waits(w.ctx, p)
		linger(w.rnd)
		waiting.Cancel()
		return waiting
	}},
	{"the end of the ctx of a task", func(w *worker, p *promise.Promise[int], _ *promise.Resolver[int]) promise.Awaitable {
		ctx, cancel := context.WithCancel(w.ctx)
		waiting := waits(ctx, p)
		linger(w.rnd)
		cancel()
		return waiting
	}},
	{"the cancel function of a ContextTimeout", func(w *worker, p *promise.Promise[int], _ *promise.Resolver[int]) promise.Awaitable {
		return withinTask(w, p, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return promise.ContextTimeout(ctx, time.Hour)
		})
	}},
	{"the cancel function of std's WithCancel", func(w *worker, p *promise.Promise[int], _ *promise.Resolver[int]) promise.Awaitable {
		return withinTask(w, p, context.WithCancel)
	}},
	{"the cancel function of nested contexts", func(w *worker, p *promise.Promise[int], _ *promise.Resolver[int]) promise.Awaitable {
		return withinTask(w, p, func(ctx context.Context) (context.Context, context.CancelFunc) {
			outer, cancel := promise.ContextTimeout(ctx, time.Hour)
			middle, forget := context.WithTimeout(outer, time.Hour)
			inner, release := promise.ContextTimeout(middle, time.Minute)
			context.AfterFunc(inner, func() { forget(); release() })
			return inner, cancel
		})
	}},
	{"std's timeout", func(w *worker, p *promise.Promise[int], _ *promise.Resolver[int]) promise.Awaitable {
		d := w.upTo(time.Millisecond)
		return promise.Go(w.ctx, func(ctx context.Context) error {
			short, cancel := context.WithTimeout(ctx, d)
			defer cancel()
			_, err := p.Await(short)
			return err
		})
	}},
	{"an Offload", func(w *worker, p *promise.Promise[int], r *promise.Resolver[int]) promise.Awaitable {
		rnd := w.fork()
		return promise.Offload(w.ctx, func(ctx context.Context) (int, error) {
			linger(rnd)
			return promise.OnLoop(ctx, func(ctx context.Context) (int, error) { r.Resolve(1); return p.Await(ctx) })
		})
	}},
}

// waits is a task that waits for p.
func waits(ctx context.Context, p *promise.Promise[int]) *promise.Promise[int] {
	return promise.Spawn(ctx, p.NoCancel().Await)
}

// withinTask has a task wait under the context that derive makes of its own, and calls that one's cancel function from this goroutine.
func withinTask(w *worker, p *promise.Promise[int],
	derive func(ctx context.Context) (context.Context, context.CancelFunc)) promise.Awaitable {
	cancels := make(chan context.CancelFunc, 1)
	task := promise.Spawn(w.ctx, func(ctx context.Context) (int, error) {
		inner, cancel := derive(ctx)
		cancels <- cancel
		return p.NoCancel().Await(inner)
	})
	select {
	case cancel := <-cancels:
		linger(w.rnd)
		cancel()
	case <-task.Done(): // the loop is closed
	}
	return task
}

// wakes makes a loop go on from a goroutine, again and again, each time by another way. It sleeps in between, unless other workers
// keep it awake.
func wakes(w *worker) {
	for range 1 + w.rnd.IntN(20) {
		p, r := promise.New[int](w.ctx)
		way := ways[w.rnd.IntN(len(ways))]
		err := w.settled(way.name, way.wake(w, p, r))
		if err != nil && !calledOff(err) && !w.over(err) {
			w.fail("%s ended with %v", way.name, err)
		}
		r.Resolve(0)
	}
}
