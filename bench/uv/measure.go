// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// cost is what is used up to a moment, or between two.
type cost struct {
	cpu            time.Duration // of all threads of the process, the collector's among them
	allocs, memory uint64
	wall           time.Duration
}

var (
	started = time.Now()
	spent   cost // by the case
)

// begin and end bound what is measured. A collection before it belongs to nobody.
func begin() {
	runtime.GC()
	spent = now()
}

func end() {
	after := now()
	spent = cost{after.cpu - spent.cpu, after.allocs - spent.allocs, after.memory - spent.memory, after.wall - spent.wall}
}

func now() cost {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var u syscall.Rusage
	check(syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return cost{time.Duration(u.Utime.Nano() + u.Stime.Nano()), m.Mallocs, m.TotalAlloc, time.Since(started)}
}

// per is the cost of one of n events, in the columns that compare reads.
func (c cost) per(n int) string {
	f := float64(n)
	return fmt.Sprintf("%.2f\t%.2f\t%.3f\t%.1f", float64(c.wall)/f, float64(c.cpu)/f, float64(c.allocs)/f, float64(c.memory)/f)
}
