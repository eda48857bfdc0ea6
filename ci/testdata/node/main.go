// SPDX-License-Identifier: MIT

// Command node is a Go library for the addon beside it: it works on Node's own event loop, and on those of its workers.
package main

// #cgo CFLAGS: -I${SRCDIR}/../../../csrc/include
// #include <weft.h>
import "C"

import (
	"context"
	"errors"
	"io"
	"runtime/cgo"
	"sync"
	"unsafe"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// goBegin adopts a loop and returns what the other functions want; 0, and why, when it cannot be adopted.
//
//export goBegin
func goBegin(loop unsafe.Pointer, why *C.char, size C.size_t) C.uintptr_t {
	l, err := weftio.Adopt(loop, weftio.Watchdog(0, nil)) // the goroutines of goChurn take the thread their time
	if err != nil {
		text := append([]byte(err.Error()), 0)
		copy(unsafe.Slice((*byte)(unsafe.Pointer(why)), size-1), text)
		return 0
	}
	return C.uintptr_t(cgo.NewHandle(l))
}

func loopOf(h C.uintptr_t) (*weftio.Loop, context.Context) {
	l := cgo.Handle(h).Value().(*weftio.Loop)
	return l, l.Context(context.Background())
}

// forC hands a promise to C; 0 is none.
func forC(ctx context.Context, p *promise.Promise[int64]) C.weft_promise {
	c, err := weftio.ToC(ctx, p)
	if err != nil {
		return 0
	}
	return C.weft_promise(c)
}

// goServe sends back what one connection brings; its promise is the port.
//
//export goServe
func goServe(h C.uintptr_t) C.weft_promise {
	_, ctx := loopOf(h)
	return forC(ctx, promise.Map(weftio.Listen(ctx, "tcp", "127.0.0.1:0"), func(ln *weftio.Listener) (int64, error) {
		promise.Go(ctx, func(ctx context.Context) error {
			c, err := ln.Accept().Await(ctx)
			if err != nil {
				return err
			}
			_, err = io.Copy(c.Writer(ctx), c.Reader(ctx))
			return errors.Join(err, c.Close().Wait(ctx), ln.Close().Wait(ctx))
		})
		return int64(ln.Port()), nil
	}))
}

// goSum adds the numbers up to n, on a goroutine that Node waits for.
//
//export goSum
func goSum(h C.uintptr_t, n C.int64_t) C.weft_promise {
	l, ctx := loopOf(h)
	p, r := promise.New[int64](ctx)
	release := l.Hold()
	go func() {
		defer release()
		sum := int64(0)
		for i := range int64(n) + 1 {
			sum += i
		}
		r.Resolve(sum)
	}()
	return forC(ctx, p)
}

// goNever returns a promise that nobody settles, and that Node does not wait for.
//
//export goNever
func goNever(h C.uintptr_t) C.weft_promise {
	_, ctx := loopOf(h)
	p, _ := promise.New[int64](ctx)
	return forC(ctx, p)
}

// goUnguarded returns the number of a signal whose handler would run on a goroutine's stack; 0 when there is none.
//
//export goUnguarded
func goUnguarded() C.int { return C.int(uv.UnguardedSignal()) }

// goChurn has goroutines with small, growing stacks come and go until the process ends.
//
//export goChurn
func goChurn() {
	for range 4 {
		go func() {
			for {
				var wg sync.WaitGroup
				for i := range 50 {
					wg.Go(func() { grow(i) })
				}
				wg.Wait()
			}
		}()
	}
}

//go:noinline
func grow(n int) byte {
	var room [128]byte
	if n > 0 {
		room[n%128] = grow(n - 1)
	}
	return room[n%128]
}

func main() {}
