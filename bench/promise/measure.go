// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"runtime"
	"syscall"
	"time"

	"github.com/weft-go/weft/promise"
)

// testCase is one line of the table.
type testCase struct {
	name string
	per  int // operations in one lap of run

	// run does n laps. It is called in the loop's main task.
	run func(ctx context.Context, n int) error

	// memory, in place of run, returns bytes per promise.
	memory func(ctx context.Context) (float64, error)
}

// cost is what one operation takes.
type cost struct{ wall, cpu, allocs, bytes float64 }

// measure runs c with more and more laps until they take long enough, as package testing does. The shorter runs before the
// last one warm it up.
func measure(ctx context.Context, c testCase, atLeast time.Duration) (cost, error) {
	for n := 1; ; {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		cpu, start := cpuTime(), time.Now()
		err := c.run(ctx, n)
		wall, used := time.Since(start), cpuTime()-cpu
		runtime.ReadMemStats(&after)
		if err != nil || wall >= atLeast {
			ops := float64(n) * float64(c.per)
			return cost{
				wall:   float64(wall) / ops,
				cpu:    float64(used) / ops,
				allocs: float64(after.Mallocs-before.Mallocs) / ops,
				bytes:  float64(after.TotalAlloc-before.TotalAlloc) / ops,
			}, err
		}
		n = min(int(1.2*float64(n)*float64(atLeast)/float64(wall+1))+1, 100*n)
	}
}

// cpuTime is what all threads of the process have used, the collector's among them.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// callbacks does n laps, each begun in the last callback of the one before. setup is called once: it returns what begins a lap,
// whose end calls next.
func callbacks(ctx context.Context, n int, setup func(next func()) (begin func())) error {
	end, ended := promise.New[promise.Unit](ctx)
	var begin func()
	begin = setup(func() {
		if n--; n == 0 {
			ended.Resolve(promise.Unit{})
			return
		}
		begin()
	})
	begin()
	return end.Wait(ctx)
}
