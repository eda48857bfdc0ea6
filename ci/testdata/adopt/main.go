// SPDX-License-Identifier: MIT

// Command adopt is a Go library for the C program beside it: it works on the program's loop, and gives it back.
package main

import "C"

import (
	"context"
	"fmt"
	"os"
	"time"
	"unsafe"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// Begin adopts a uv_loop_t and begins to work on it; done is set when the loop is the host's again. It returns 1 when the loop cannot be
// adopted.
//
//export Begin
func Begin(loop unsafe.Pointer, done *C.int) C.int {
	l, err := weftio.Adopt(loop)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	promise.Go(l.Context(context.Background()), func(ctx context.Context) error {
		if err := weftio.Sleep(ctx, 5*time.Millisecond).Wait(ctx); err != nil {
			return err
		}
		return l.Detach(func(err error) {
			if err == nil {
				*done = 1
			}
		})
	})
	return 0
}

func main() {}
