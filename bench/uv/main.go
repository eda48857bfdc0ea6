// SPDX-License-Identifier: MIT

// Command uv measures package uv, by some of libuv's own benchmarks. peers/uv_libuv does the same with libuv alone.
//
// With -case NAME-N it has N events of that case happen, and prints nanoseconds, nanoseconds of CPU, allocations and bytes an
// event.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"

	"github.com/weft-go/weft/uv"
)

// cases have n events happen, with that many threads, connections or pairs of sockets.
var cases = map[string]struct {
	run   func(n, width int)
	width int
}{
	"async1":           {asyncPings, 1},
	"async_pummel_1":   {asyncPummel, 1},
	"async_pummel_4":   {asyncPummel, 4},
	"loop_count":       {loopCount, 1},
	"million_timers":   {millionTimers, 1},
	"ping_pongs":       {pingPongs, 1},
	"tcp_write_batch":  {tcpWriteBatch, 1},
	"tcp_pump1":        {tcpPump, 1},
	"tcp_pump100":      {tcpPump, 100},
	"tcp4_pound_100":   {tcpPound, 100},
	"tcp4_pound_1000":  {tcpPound, 1000},
	"udp_pummel_1v1":   {udpPummel, 1},
	"udp_pummel_10v10": {udpPummel, 10},
	"spawn":            {spawn, 1},
}

func main() {
	log.SetFlags(0)
	name := flag.String("case", "", "the case, and how many events of it")
	_ = flag.Duration("time", 0, "without effect: the case says how many events there are")
	version := flag.Bool("version", false, "print what runs it")
	profile := flag.String("cpuprofile", "", "write a CPU profile to this file")
	flag.Parse()
	if *version {
		fmt.Printf("%s, GOMAXPROCS=%d\n", runtime.Version(), runtime.GOMAXPROCS(0))
		return
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		check(err)
		check(pprof.StartCPUProfile(f))
		defer pprof.StopCPUProfile()
	}
	dash := strings.LastIndex(*name, "-")
	n, err := strconv.Atoi((*name)[dash+1:])
	c, known := cases[(*name)[:max(dash, 0)]]
	if !known || err != nil || n <= 0 {
		return
	}
	runtime.LockOSThread()
	c.run(n, c.width)
	fmt.Printf("%s\t%s\n", *name, spent.per(n))
}

// check ends the program if there is an error.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// newLoop returns a loop.
func newLoop() *uv.Loop {
	l, err := uv.NewLoop()
	check(err)
	return l
}

// run runs a loop until it has nothing left, and closes it.
func run(l *uv.Loop) {
	check(l.Run(uv.RunDefault))
	check(l.Close())
}
