package main

/*
#cgo pkg-config: hiredis
#cgo linux LDFLAGS: -Wl,--unresolved-symbols=ignore-all
#cgo darwin LDFLAGS: -Wl,-undefined,dynamic_lookup
#include <stdlib.h>
#include "redis.h"
*/
import "C"

import (
	"context"
	"fmt"
	"unsafe"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// Client is a connection to a Redis server, by hiredis. Its functions are safe from any goroutine.
type Client struct {
	l     *weftio.Loop
	c     *C.redis_client // loop goroutine only
	ended *promise.Promise[int64]
}

// Connect connects to the Unix socket of a server. The connection ends with the loop, if not before.
func Connect(ctx context.Context, path string) *promise.Promise[*Client] {
	l := weftio.LoopFrom(ctx)
	connected, hello := weftio.FromC[int64](ctx)
	ended, bye := weftio.FromC[int64](l.Context(context.Background()))
	c := &Client{l: l, ended: ended}
	_ = l.Post(func() {
		p := C.CString(path)
		c.c = C.redis_open((*C.uv_loop_t)(l.UVLoop()), p, C.weft_token(hello), C.weft_token(bye))
		C.free(unsafe.Pointer(p))
		ended.OnSettle(func(int64, error) {
			C.redis_drop(c.c)
			c.c = nil
		})
	})
	connected.OnCancel(func() { ended.Cancel() })
	return promise.Map(connected, func(int64) (*Client, error) { return c, nil })
}

// Command sends a command; the promise is settled by its reply. A cancelled command is answered, too, but nobody hears of it.
func Command[T int64 | []byte](ctx context.Context, c *Client, args ...string) *promise.Promise[T] {
	reply, token := weftio.FromC[T](c.l.Context(ctx))
	text := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, arg := range args {
		text = fmt.Appendf(text, "$%d\r\n%s\r\n", len(arg), arg)
	}
	// A loop that takes nothing any more has settled the promise.
	_ = c.l.Post(func() {
		C.redis_send(c.c, C.weft_token(token), (*C.char)(unsafe.Pointer(&text[0])), C.size_t(len(text)))
	})
	return reply
}

// Close has the connection end when every reply is there. The promise says when it has ended, and of what; to cancel it ends the
// connection at once.
func (c *Client) Close() *promise.Promise[int64] {
	_ = c.l.Post(func() { C.redis_close(c.c) })
	return c.ended
}
