// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	stdio "io"
	"net"
	"runtime"
	"time"

	weftio "github.com/weft-go/weft/io"
)

// run is one run of the command: rounds, one after the other.
type run struct {
	report   stdio.Writer
	exit     func(code int)
	seed     uint64
	only     int // the one round to run, or -1
	duration time.Duration
	limit    time.Duration // of a wait
	jobs     []job
}

// heapLimit is how many bytes of heap may be left after any number of rounds.
const heapLimit = 64 << 20

// rounds runs rounds until the time is up or one fails, and returns the process's exit status.
func (r *run) rounds() int {
	fmt.Fprintf(r.report, "torture: seed %d, %v, GOMAXPROCS %d\n", r.seed, r.duration, runtime.GOMAXPROCS(0))
	if err := r.warmUp(); err != nil {
		fmt.Fprintln(r.report, "torture:", err)
		return 1
	}
	done := map[string]int{}
	n, start, longest := 0, time.Now(), time.Duration(0)
	for ; n == 0 || time.Since(start) < r.duration; n++ {
		number := n
		if r.only >= 0 {
			number = r.only
		}
		o, began := newRound(r, number), time.Now()
		if problems := o.run(); len(problems) > 0 {
			for _, p := range problems {
				fmt.Fprintln(r.report, "torture:", p)
			}
			fmt.Fprintf(r.report, "torture: failed after %v: %s\n", time.Since(start).Round(time.Millisecond), o)
			return 1
		}
		longest = max(longest, time.Since(began))
		for _, w := range o.workers {
			done[w.job.name]++
		}
	}
	if held := heldBytes(); held > heapLimit {
		fmt.Fprintf(r.report, "torture: %d MiB of heap are left after %d rounds\n", held>>20, n)
		return 1
	}
	fmt.Fprintf(r.report, "torture: %d rounds in %v (the longest took %v), no problem; jobs %v\n",
		n, time.Since(start).Round(time.Second), longest.Round(time.Millisecond), done)
	return 0
}

// warmUp makes what the process keeps once it has been used: the runtime's poller and the loops' watchdog. The process's first loop
// of all does more than others, and so may find that there are no descriptors for it.
func (r *run) warmUp() error {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := startWith(int(r.seed % 16)); err != nil {
		return err
	}
	l, err := weftio.Start()
	if err != nil {
		return err
	}
	return errors.Join(ln.Close(), l.Close())
}

// heldBytes returns the bytes of the heap that are reachable.
func heldBytes() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
