// SPDX-License-Identifier: MIT

// Command turn measures what a turn of package uv costs: one request to libuv and one completion. peers/turn_libuv.c does the same
// with libuv alone.
package main

import (
	"flag"
	"fmt"
	"log"
	"runtime"
	"time"

	"github.com/weft-go/weft/uv"
)

func main() {
	log.SetFlags(0)
	name := flag.String("case", "turn", "the case")
	atLeast := flag.Duration("time", 300*time.Millisecond, "measure for at least this long")
	version := flag.Bool("version", false, "print what runs it")
	flag.Parse()
	if *version {
		fmt.Println(runtime.Version())
		return
	}
	if *name != "turn" {
		return
	}
	runtime.LockOSThread()
	l, err := uv.NewLoop()
	if err != nil {
		log.Fatal(err)
	}
	t, err := uv.NewTimer(l)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("turn\t%.2f\n", measure(l, t, *atLeast))
}

// fired counts completions.
type fired int

// Complete implements uv.Completer.
func (f *fired) Complete(uv.Event) { *f++ }

// measure returns nanoseconds a turn in which a timer is started and fires.
func measure(l *uv.Loop, t *uv.Timer, atLeast time.Duration) float64 {
	for n := 1000; ; n *= 2 {
		var f fired
		start := time.Now()
		for range n {
			if err := t.Start(0, 0, &f); err != nil {
				log.Fatal(err)
			}
			if _, err := l.Turn(uv.RunNoWait); err != nil {
				log.Fatal(err)
			}
		}
		wall := time.Since(start)
		if int(f) != n {
			log.Fatalf("%d turns had %d completions", n, f)
		}
		if wall >= atLeast {
			return float64(wall) / float64(n)
		}
	}
}
