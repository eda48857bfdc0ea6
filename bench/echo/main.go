// SPDX-License-Identifier: MIT

// Command echo is weft's echo server in each of its styles. It prints the port of each loop, separated by commas, and
// serves until it is killed. The servers that it is measured beside are in peers.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/weft-go/weft/bench/collect"
	weftio "github.com/weft-go/weft/io"
)

func main() {
	log.SetFlags(0)
	style := flag.String("style", "callback", "callback, task, lines (a task that reads lines) or lazy (lines, with LazyStart)")
	loops := flag.Int("loops", 1, "run this many loops")
	flag.IntVar(&work, "work", 0, "hash each message this often")
	profile := flag.String("cpuprofile", "", "write a CPU profile to this file at SIGTERM")
	version := flag.Bool("version", false, "print what runs it")
	flag.Parse()
	if *version {
		fmt.Println(runtime.Version(), "GOMAXPROCS", runtime.GOMAXPROCS(0))
		return
	}
	serve := styles[*style]
	if serve == nil {
		log.Fatalf("echo: no style is called %q", *style)
	}
	collect.OnSignal()
	var ports []string
	for range *loops {
		port, err := start(serve)
		if err != nil {
			log.Fatal("echo: ", err)
		}
		ports = append(ports, strconv.Itoa(port))
	}
	if *profile != "" {
		defer profileTo(*profile)()
	}
	fmt.Println(strings.Join(ports, ","))
	killed := make(chan os.Signal, 1)
	signal.Notify(killed, syscall.SIGTERM)
	<-killed
}

// start makes a loop with a server on it, and returns its port.
func start(serve func(context.Context, *weftio.Listener)) (int, error) {
	l, err := weftio.Start(weftio.Watchdog(100*time.Millisecond, func(*weftio.HeldError) {})) // its default, silent
	if err != nil {
		return 0, err
	}
	ctx := l.Context(context.Background())
	ln, err := weftio.Listen(ctx, "tcp", "127.0.0.1:0").Await(ctx)
	if err != nil {
		return 0, err
	}
	serve(ctx, ln)
	return ln.Port(), nil
}

func profileTo(path string) (stop func()) {
	f, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		log.Fatal("echo: ", err)
	}
	return pprof.StopCPUProfile
}
