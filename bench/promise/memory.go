// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"runtime"

	"github.com/weft-go/weft/promise"
)

// memoryPending is a pending promise that nothing hangs on.
func memoryPending(ctx context.Context) (float64, error) {
	return memory(func() *promise.Resolver[int] {
		_, r := promise.New[int](ctx)
		return r
	})
}

// memoryMap is one with a Map: two promises and a callback.
func memoryMap(ctx context.Context) (float64, error) {
	mapped := 0
	f := func(v int) (int, error) {
		mapped++
		return v, nil
	}
	bytes, err := memory(func() *promise.Resolver[int] {
		p, r := promise.New[int](ctx)
		promise.Map(p, f)
		return r
	})
	if err == nil {
		err = promise.Pause(ctx).Wait(ctx)
	}
	if mapped != million {
		err = errors.Join(err, errors.New("a callback did not run"))
	}
	return bytes, err
}

// memory returns the live heap bytes of what one makes, its resolver's place in a slice apart, and then resolves them all:
// until then each must have been kept.
func memory(one func() *promise.Resolver[int]) (float64, error) {
	rs := make([]*promise.Resolver[int], million)
	before := live()
	for i := range rs {
		rs[i] = one()
	}
	after := live()
	for _, r := range rs {
		if !r.Resolve(1) {
			return 0, errors.New("a promise was settled already")
		}
	}
	return float64(after-before) / million, nil
}

func live() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the second one finishes the sweep of the first
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
