// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// pauseLoop is a callback's loop, not a task's: the same recursion as Lwt's.
func pauseLoop(ctx context.Context, n int) error {
	var lap func(promise.Unit) *promise.Promise[promise.Unit]
	lap = func(promise.Unit) *promise.Promise[promise.Unit] {
		if n--; n < 0 {
			return promise.Resolved(promise.Unit{})
		}
		return promise.Bind(promise.Pause(ctx), lap)
	}
	return lap(promise.Unit{}).Wait(ctx)
}

// post is what spawnAwait and awaitPending spend on having somebody else resolve.
func post(ctx context.Context, n int) error {
	l := weftio.LoopFrom(ctx)
	return callbacks(ctx, n, func(next func()) func() {
		return func() { _ = l.Post(next) }
	})
}

func spawn(ctx context.Context, n int) error {
	empty := func(context.Context) (int, error) { return 1, nil }
	for range n {
		if _, err := promise.Spawn(ctx, empty).Await(ctx); err != nil {
			return err
		}
	}
	return nil
}

func spawnMany(ctx context.Context, n int) error {
	ran := 0
	empty := func(context.Context) (int, error) { ran++; return 1, nil }
	for range n {
		for range links {
			promise.Spawn(ctx, empty)
		}
		if err := promise.Pause(ctx).Wait(ctx); err != nil {
			return err
		}
	}
	if ran != n*links {
		return errors.New("a task did not run")
	}
	return nil
}

func spawnAwait(ctx context.Context, n int) error {
	l := weftio.LoopFrom(ctx)
	var p *promise.Promise[int]
	var r *promise.Resolver[int]
	waits := func(ctx context.Context) (int, error) { return p.Await(ctx) }
	resolve := func() { r.Resolve(1) }
	for range n {
		p, r = promise.New[int](ctx)
		t := promise.Spawn(ctx, waits)
		if err := l.Post(resolve); err != nil { // runs when the task waits
			return err
		}
		if _, err := t.Await(ctx); err != nil {
			return err
		}
	}
	return nil
}

func awaitPending(ctx context.Context, n int) error {
	l := weftio.LoopFrom(ctx)
	var r *promise.Resolver[int]
	resolve := func() { r.Resolve(1) }
	for range n {
		var p *promise.Promise[int]
		p, r = promise.New[int](ctx)
		if err := l.Post(resolve); err != nil {
			return err
		}
		if _, err := p.Await(ctx); err != nil {
			return err
		}
	}
	return nil
}

func awaitResolved(ctx context.Context, n int) error {
	p := promise.Resolved(1)
	for range n {
		if _, err := p.Await(ctx); err != nil {
			return err
		}
	}
	return nil
}

// goroutineAwait waits off the loop, for a promise that the loop, asleep until then, settles a turn later.
func goroutineAwait(ctx context.Context, n int) error {
	return promise.Offload(ctx, func(offLoop context.Context) (promise.Unit, error) {
		for range n {
			if err := promise.Pause(ctx).Wait(offLoop); err != nil {
				return promise.Unit{}, err
			}
		}
		return promise.Unit{}, nil
	}).Wait(ctx)
}
