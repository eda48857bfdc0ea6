// SPDX-License-Identifier: MIT

// Package uv alone, without promises: an echo server that ends after some connections.
package main

import (
	"fmt"
	"log"
	"net/netip"
	"os"
	"runtime"
	"strconv"

	"github.com/weft-go/weft/uv"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	runtime.LockOSThread()
	left, err := strconv.Atoi(os.Args[1])
	check(err)
	loop, err := uv.NewLoop()
	check(err)
	server, err := uv.NewTCP(loop)
	check(err)
	check(server.Bind(netip.MustParseAddrPort("127.0.0.1:0"), 0))
	check(server.Listen(128, uv.CompleterFunc(func(uv.Event) {
		conn := &uv.TCP{}
		if server.Accept(conn) != nil { // none is there: the event was a failure
			return
		}
		check(conn.ReadStart(uv.CompleterFunc(func(ev uv.Event) {
			if ev.Status == 0 { // it copies what it is given
				check(conn.Send(ev.Data, false, uv.CompleterFunc(func(uv.Event) {})))
				return
			}
			check(conn.Close(nil)) // the end, or an error
			if left--; left == 0 {
				check(server.Close(nil))
			}
		})))
	})))
	addr, err := server.Sockname()
	check(err)
	fmt.Println("listening on", addr)
	check(loop.Run(uv.RunDefault)) // until no handle is left
	check(loop.Close())
	fmt.Println("done")
}
