package main

import (
	"context"
	"flag"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// target is the URL of the command line, or that of a small HTTP server on a free port of the same loop.
func target(ctx context.Context) *promise.Promise[string] {
	if flag.NArg() > 0 {
		return promise.Resolved(flag.Arg(0))
	}
	return promise.Map(weftio.Listen(ctx, "tcp", "127.0.0.1:0"), func(ln *weftio.Listener) (string, error) {
		weftio.Serve(ctx, ln, func(ctx context.Context, c *weftio.Conn) error { return hello(c).Wait(ctx) })
		return "http://" + ln.String() + "/", nil
	})
}

// hello reads a request's lines up to the empty one, and answers.
func hello(c *weftio.Conn) *unit {
	return promise.Bind(c.ReadLine(), func(line string) *unit {
		if line != "" {
			return hello(c)
		}
		return c.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nHello from weft!\n")
	})
}
