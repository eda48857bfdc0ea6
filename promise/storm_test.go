// SPDX-License-Identifier: MIT

package promise_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/promise/promisetest"
)

// errand is a task that does a few random things, most of which end early, and starts others.
func errand(ctx context.Context, r *rand.Rand, depth int, shared []*promise.Promise[int]) (int, error) {
	for range 1 + r.IntN(4) {
		p := shared[r.IntN(len(shared))].NoCancel()
		switch r.IntN(7) {
		case 0:
			short, cancel := promise.ContextTimeout(ctx, time.Duration(r.IntN(3))*time.Millisecond)
			_, _ = p.Await(short)
			cancel()
		case 1:
			std, cancel := context.WithCancel(ctx)
			go cancel()
			_, _ = p.Await(std)
		case 2:
			_ = promise.Pause(ctx).Wait(ctx)
		case 3:
			_ = promise.WithTimeout(ctx, time.Millisecond, p.Protected()).Wait(ctx)
		case 4:
			_, _ = promise.Offload(ctx, func(ctx context.Context) (int, error) {
				return promise.OnLoop(ctx, func(ctx context.Context) (int, error) { return 1, promise.Pause(ctx).Wait(ctx) })
			}).Await(ctx)
		default:
			if depth == 0 {
				continue
			}
			seed := r.Uint64()
			child := promise.Spawn(ctx, func(ctx context.Context) (int, error) {
				return errand(ctx, rand.New(rand.NewPCG(seed, 1)), depth-1, shared)
			})
			if seed%3 == 0 {
				child.Cancel()
			}
			if seed%2 == 0 {
				_, _ = child.Await(ctx)
			}
		}
	}
	return 1, nil
}

func TestAStormOfTasksOnTwoLoops(t *testing.T) {
	for seed := range uint64(programs / 100) {
		var loops [2]*promisetest.Loop
		var stops [2]*promise.Resolver[unit]
		var running, spawning sync.WaitGroup
		var shared []*promise.Promise[int]
		var resolvers []*promise.Resolver[int]
		for i := range loops {
			loops[i] = promisetest.New()
			loops[i].Queue().SetHandler(func(error) {})
			end, stop := promise.New[unit](loops[i].Context())
			stops[i] = stop
			for range 3 {
				p, r := pending(loops[i])
				shared, resolvers = append(shared, p), append(resolvers, r)
			}
			running.Go(func() {
				assert.NoError(t, loops[i].Run(func(ctx context.Context) error { return end.Wait(ctx) }))
				assert.Empty(t, loops[i].Close())
			})
		}
		var ended, spawned atomic.Int32
		for g := range 4 {
			spawning.Go(func() {
				r := rand.New(rand.NewPCG(seed, uint64(g)))
				for range 8 {
					own := r.Uint64()
					p := promise.Spawn(loops[g%2].Context(), func(ctx context.Context) (int, error) {
						return errand(ctx, rand.New(rand.NewPCG(own, 2)), 2, shared)
					})
					spawned.Add(1)
					if r.IntN(3) == 0 {
						p.Cancel()
					}
					_, _ = p.Await(context.Background())
					ended.Add(1)
				}
			})
		}
		for _, r := range resolvers {
			r.Resolve(1)
		}
		spawning.Wait()
		for _, stop := range stops {
			stop.Resolve(unit{})
		}
		running.Wait()
		assert.Equal(t, spawned.Load(), ended.Load())
	}
}
