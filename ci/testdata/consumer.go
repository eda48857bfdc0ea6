// SPDX-License-Identifier: MIT

// A program of another module, which ci/consumer builds against a vendored weft.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

func main() {
	err := weftio.Run(context.Background(), func(ctx context.Context) error {
		p := promise.Map(weftio.Sleep(ctx, time.Millisecond), func(promise.Unit) (int, error) { return 42, nil })
		v, err := p.Await(ctx)
		fmt.Println(v, "from the vendored loop")
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
}
