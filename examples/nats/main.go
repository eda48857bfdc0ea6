// Nats has a C client of NATS, whose adapter for libuv is used as it is, work on weft's loop. Its messages come on threads of its own,
// and go to streams from there; a thread waits while a stream has no room. bus.c is the C side, bus.go the Go side, and this uses
// it. The argument is the URL of a NATS server.
//
// Needs libnats-dev, and what examples/c-token says:
//
//	export CGO_CFLAGS="-I$(go list -f '{{.Dir}}' github.com/weft-go/weft/csrc)/include"
//	go run . nats://127.0.0.1:4222
package main

import (
	"bytes"
	"context"
	"fmt"
	"log"
	"os"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

func main() {
	err := weftio.Run(context.Background(), func(ctx context.Context) error {
		c, err := Connect(ctx, os.Args[1])
		if err != nil {
			return err
		}
		if err := talk(ctx, c); err != nil {
			return err
		}
		return c.Close().Wait(ctx)
	}, weftio.OnStart(Enter), weftio.OnStop(Leave))
	if err != nil {
		log.Fatal(err)
	}
}

func talk(ctx context.Context, c *Client) error {
	words, err := c.Subscribe(ctx, "words.*", 2)
	if err != nil {
		return err
	}
	promise.Go(ctx, func(context.Context) error { // the loop serves it while the request below waits
		for p, err := range words.All(ctx) {
			if err != nil {
				return err
			}
			m := Take(p)
			if err := c.Publish(m.Reply, append(bytes.ToUpper(m.Data), '!')); err != nil {
				return err
			}
		}
		return nil
	})
	answer, err := c.Request(ctx, "words.greeting", []byte("hello"), 5*time.Second).Await(ctx)
	fmt.Printf("%s\n", answer.Data)
	return err
}
