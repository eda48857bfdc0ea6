// Hiredis has a C client of Redis, whose adapter for libuv is used as it is, work on weft's loop: its replies settle promises. redis.c
// is the C side, redis.go the Go side, and this uses it. The argument is the Unix socket of a Redis server.
//
// Needs libhiredis-dev, and what examples/c-token says:
//
//	export CGO_CFLAGS="-I$(go list -f '{{.Dir}}' github.com/weft-go/weft/csrc)/include"
//	go run . /run/redis/redis.sock
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

func main() {
	err := weftio.Run(context.Background(), func(ctx context.Context) error {
		c, err := Connect(ctx, os.Args[1]).Await(ctx)
		if err != nil {
			return err
		}
		if err := talk(ctx, c); err != nil {
			return err
		}
		return c.Close().Wait(ctx)
	})
	if err != nil {
		log.Fatal(err)
	}
}

func talk(ctx context.Context, c *Client) error {
	answers, err := promise.All(
		Command[[]byte](ctx, c, "PING"),
		Command[[]byte](ctx, c, "SET", "greeting", "hello"),
		Command[[]byte](ctx, c, "GET", "greeting")).Await(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", answers)
	n, err := Command[int64](ctx, c, "INCR", "visits").Await(ctx)
	fmt.Println("visits:", n)
	if _, none := Command[[]byte](ctx, c, "GET", "nothing").Await(ctx); errors.Is(none, fs.ErrNotExist) {
		fmt.Println("nothing:", none)
	}
	return err
}
