// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"math/rand/v2"
	"sync"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// ends starts loops of its own and closes them while goroutines and tasks ask them for work of every kind.
func ends(w *worker) {
	var all sync.WaitGroup
	for range 1 + w.rnd.IntN(8) {
		rnd := w.fork()
		all.Go(func() { w.endOnce(rnd) })
	}
	all.Wait()
}

// requests are kinds of work that a loop can be asked for.
var requests = []func(ctx context.Context) promise.Awaitable{
	func(ctx context.Context) promise.Awaitable { return weftio.Listen(ctx, "tcp", "127.0.0.1:0") },
	func(ctx context.Context) promise.Awaitable { return weftio.Dial(ctx, "tcp", "127.0.0.1:9") },
	func(ctx context.Context) promise.Awaitable { return weftio.Dial(ctx, "tcp", "localhost:9") },
	func(ctx context.Context) promise.Awaitable { return weftio.LookupHost(ctx, "localhost") },
	func(ctx context.Context) promise.Awaitable { return promise.Pause(ctx) },
	func(ctx context.Context) promise.Awaitable {
		return promise.Go(ctx, func(ctx context.Context) error { return promise.Pause(ctx).Wait(ctx) })
	},
	func(ctx context.Context) promise.Awaitable {
		return promise.Bind(weftio.Listen(ctx, "tcp", "127.0.0.1:0"), func(ln *weftio.Listener) *promise.Promise[*weftio.Conn] {
			return promise.Pick(ln.Accept(), weftio.Dial(ctx, "tcp", ln.String()))
		})
	},
	func(ctx context.Context) promise.Awaitable {
		return promise.Offload(ctx, func(context.Context) (int, error) { return 1, nil })
	},
}

func (w *worker) endOnce(rnd *rand.Rand) {
	ignored := func(error) {} // nobody looks at half of it
	l, err := weftio.Start(weftio.OnError(ignored), weftio.Grace(w.limit), weftio.Watchdog(0, nil))
	if err != nil {
		w.fail("Start: %v", err)
		return
	}
	ctx := l.Context(context.Background())
	var asking sync.WaitGroup
	for range 1 + rnd.IntN(4) {
		own := rand.New(rand.NewPCG(rnd.Uint64(), 0))
		asking.Go(func() {
			for l.Post(func() {}) == nil {
				p := requests[own.IntN(len(requests))](ctx)
				if own.IntN(2) == 0 {
					_ = w.settled("what an ending loop was asked for", p)
				}
				linger(own)
			}
		})
	}
	linger(rnd)
	over := w.watch("ends: Close")
	if err := l.Close(); err != nil {
		w.fail("Close: %v", err)
	}
	over()
	over = w.watch("ends: the goroutines that ask a closed loop")
	asking.Wait()
	over()
	if s := l.Stats(); s != (weftio.Stats{}) {
		w.fail("the closed loop has left %+v", s)
	}
}
