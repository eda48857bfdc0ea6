// C-host is the Go half of a C program, host/host.c, which runs a libuv loop of its own: an echo server that lives on that loop.
// The script build makes the program of both.
package main

import "C"

import (
	"context"
	"io"
	"unsafe"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

var servers = map[unsafe.Pointer]*weftio.Server{} // by their loops; the host calls from one thread

// EchoServe starts an echo server on a uv_loop_t that was adopted. It returns a weft_promise of the port, 0 when there is none.
//
//export EchoServe
func EchoServe(uvLoop unsafe.Pointer) C.ulonglong {
	l := weftio.Adopted(uvLoop)
	if l == nil {
		return 0
	}
	ctx := l.Context(context.Background())
	port := promise.Map(weftio.Listen(ctx, "tcp", "127.0.0.1:0"), func(ln *weftio.Listener) (int64, error) {
		servers[uvLoop] = weftio.Serve(ctx, ln, echo)
		return int64(ln.Port()), nil
	})
	p, err := weftio.ToC(ctx, port)
	if err != nil {
		return 0
	}
	return C.ulonglong(p)
}

func echo(ctx context.Context, c *weftio.Conn) error {
	_, err := io.Copy(c.Writer(ctx), c.Reader(ctx))
	return err
}

// EchoServed returns how many connections there were.
//
//export EchoServed
func EchoServed(uvLoop unsafe.Pointer) C.int { return C.int(servers[uvLoop].Served()) }

func main() {}
