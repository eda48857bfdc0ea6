// SPDX-License-Identifier: MIT

// Package uv alone, without promises: it echoes what one connection sends, until that ends.
package main

import (
	"fmt"
	"net/netip"
	"runtime"

	"github.com/weft-go/weft/uv"
)

func main() {
	runtime.LockOSThread()
	loop := must(uv.NewLoop())
	server, conn := must(uv.NewTCP(loop)), &uv.TCP{}
	check(server.Bind(netip.MustParseAddrPort("127.0.0.1:0"), 0))
	check(server.Listen(128, uv.CompleterFunc(func(uv.Event) {
		check(server.Accept(conn))
		check(server.Close(nil))
		check(conn.ReadStart(uv.CompleterFunc(func(ev uv.Event) {
			if ev.Status == 0 { // it copies what it is given
				check(conn.Send(ev.Data, false, uv.CompleterFunc(func(uv.Event) {})))
			} else { // the end, or an error
				check(conn.Close(nil))
			}
		})))
	})))
	fmt.Println("listening on", must(server.Sockname()))
	check(loop.Run(uv.RunDefault)) // until no handle is left
	check(loop.Close())
	fmt.Println("done")
}

func must[T any](v T, err error) T { check(err); return v }

func check(err error) {
	if err != nil {
		panic(err)
	}
}
