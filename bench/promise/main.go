// SPDX-License-Identifier: MIT

// Command promise measures what promises and tasks cost, on a loop of package io. The programs under peers measure the same
// cases with Lwt and Node; bench/run puts them side by side.
//
// It prints a line for each case: its name, nanoseconds, nanoseconds of CPU, allocations and bytes per operation. For a case
// whose name begins with memory, its name and bytes per promise.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"time"

	weftio "github.com/weft-go/weft/io"
)

func main() {
	log.SetFlags(0)
	only := flag.String("case", "", "run the case with this name; all without it")
	atLeast := flag.Duration("time", 300*time.Millisecond, "measure each case for at least this long")
	list := flag.Bool("list", false, "print the names of the cases")
	version := flag.Bool("version", false, "print what runs them")
	profile := flag.String("cpuprofile", "", "write a CPU profile to this file")
	flag.Parse()

	if *version {
		fmt.Println(versions())
		return
	}
	if *profile != "" {
		f, err := os.Create(*profile)
		if err != nil {
			log.Fatal(err)
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			log.Fatal(err)
		}
		defer pprof.StopCPUProfile()
	}
	found := false
	for _, c := range cases {
		switch {
		case *only != "" && *only != c.name:
		case *list:
			fmt.Println(c.name)
		default:
			found = true
			if err := report(c, *atLeast); err != nil {
				log.Fatalf("%s: %v", c.name, err)
			}
		}
	}
	if !found && !*list {
		log.Fatalf("no case is called %q: see -list", *only)
	}
}

// report measures c on a loop of its own and prints its line.
func report(c testCase, atLeast time.Duration) error {
	return weftio.Run(context.Background(), func(ctx context.Context) error {
		if c.memory != nil {
			bytes, err := c.memory(ctx)
			if err == nil {
				fmt.Printf("%s\t%.1f\n", c.name, bytes)
			}
			return err
		}
		m, err := measure(ctx, c, atLeast)
		if err != nil {
			return err
		}
		fmt.Printf("%s\t%.2f\t%.2f\t%.2f\t%.1f\n", c.name, m.wall, m.cpu, m.allocs, m.bytes)
		return nil
	}, weftio.Watchdog(0, nil)) // a case holds the loop on purpose
}

// versions names the toolchain and the settings that times depend on.
func versions() string {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}, {Name: "/sched/gomaxprocs:threads"}}
	metrics.Read(s)
	gogc := fmt.Sprint(s[0].Value.Uint64())
	if v := os.Getenv("GOGC"); v == "off" {
		gogc = v
	}
	return fmt.Sprintf("%s, GOGC=%s, GOMAXPROCS=%d", runtime.Version(), gogc, s[1].Value.Uint64())
}
