// SPDX-License-Identifier: MIT

// Command echo_gnet is an echo server with gnet, on one event loop. It prints its port and serves until it is killed. gnet logs
// to the same place, from its start, unless GNET_LOGGING_LEVEL is 2.
package main

import (
	"flag"
	"fmt"
	"log"
	"runtime"
	"runtime/debug"

	"github.com/panjf2000/gnet/v2"
	"golang.org/x/sys/unix"
)

func main() {
	log.SetFlags(0)
	version := flag.Bool("version", false, "print what runs it")
	flag.Parse()
	if *version {
		fmt.Println("gnet", gnetVersion(), runtime.Version(), "GOMAXPROCS", runtime.GOMAXPROCS(0))
		return
	}
	log.Fatal(gnet.Run(&server{}, "tcp://127.0.0.1:0", gnet.WithNumEventLoop(1), gnet.WithTCPNoDelay(gnet.TCPNoDelay)))
}

func gnetVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == "github.com/panjf2000/gnet/v2" {
			return m.Version
		}
	}
	return "of no known version"
}

type server struct{ gnet.BuiltinEventEngine }

func (*server) OnBoot(e gnet.Engine) gnet.Action {
	fd, err := e.Dup()
	if err != nil {
		log.Fatal(err)
	}
	defer unix.Close(fd)
	addr, err := unix.Getsockname(fd)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(addr.(*unix.SockaddrInet4).Port)
	return gnet.None
}

func (*server) OnTraffic(c gnet.Conn) gnet.Action {
	b, err := c.Next(-1)
	if err == nil {
		_, err = c.Write(b)
	}
	if err != nil {
		return gnet.Close
	}
	return gnet.None
}
