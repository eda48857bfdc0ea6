package main

/*
#cgo pkg-config: libnats
#cgo linux LDFLAGS: -Wl,--unresolved-symbols=ignore-all
#cgo darwin LDFLAGS: -Wl,-undefined,dynamic_lookup
#include <stdlib.h>
#include "bus.h"
*/
import "C"

import (
	"context"
	"runtime"
	"time"
	"unsafe"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// Enter and Leave tell the adapter which thread is the loop's, for weftio.OnStart and weftio.OnStop. The thread may serve others later.
func Enter(l *weftio.Loop) { C.bus_thread((*C.uv_loop_t)(l.UVLoop())) }

// Leave: see Enter.
func Leave(*weftio.Loop) { C.bus_thread(nil) }

// Status is an error of nats.c.
type Status int

// What tests and callers tell apart.
const (
	NoServer     = Status(C.NATS_NO_SERVER)
	NoResponders = Status(C.NATS_NO_RESPONDERS)
	Closed       = Status(C.NATS_CONNECTION_CLOSED)
)

func (s Status) Error() string { return "nats: " + C.GoString(C.natsStatus_GetText(C.natsStatus(s))) }

func check(s C.natsStatus) error {
	if s == C.NATS_OK {
		return nil
	}
	return Status(s)
}

// Client is a connection to a NATS server, by nats.c. Its functions are safe from any goroutine.
type Client struct {
	l      *weftio.Loop
	c      *C.natsConnection // good as long as the Client is
	closed *promise.Promise[int64]
}

// Connect connects to a server, and to it again whenever the connection is lost. It holds the loop until it is connected: the adapter
// refuses to attach on another thread, so promise.Offload is no help. The connection ends with the loop, if not before.
func Connect(ctx context.Context, url string) (c *Client, err error) {
	l := weftio.LoopFrom(ctx)
	if e := l.Do(context.WithoutCancel(ctx), func() { c, err = connect(l, url) }); e != nil {
		return nil, e
	}
	return c, err
}

func connect(l *weftio.Loop, url string) (*Client, error) {
	at := C.CString(url)
	defer C.free(unsafe.Pointer(at))
	closed, token := weftio.FromC[int64](l.Context(context.Background()))
	var nc *C.natsConnection
	if s := C.bus_connect(&nc, (*C.uv_loop_t)(l.UVLoop()), at, C.weft_token(token)); s != C.NATS_OK {
		closed.Cancel()
		return nil, Status(s)
	}
	c := &Client{l: l, c: nc, closed: closed}
	runtime.AddCleanup(c, func(nc *C.natsConnection) { C.natsConnection_Destroy(nc) }, nc)
	closed.OnSettle(func(int64, error) { runtime.KeepAlive(c) })
	return c, nil
}

// Close closes the connection when the server has got what was published; messages that no stream has taken yet are lost. The
// promise is settled when it is closed, and cancelling that closes it at once.
func (c *Client) Close() *promise.Promise[int64] {
	c.Flush(c.l.Context(context.Background())).OnSettle(func(promise.Unit, error) { C.natsConnection_Close(c.c) })
	return c.closed
}

// Flush waits until the server has got what was published, for 10 seconds at most. nats.c 3.4.1 can wait as long in vain when a server was
// lost during an earlier Flush: it then counts the server's answers wrongly.
func (c *Client) Flush(ctx context.Context) *promise.Promise[promise.Unit] {
	return promise.Offload(c.l.Context(ctx), func(context.Context) (promise.Unit, error) {
		defer runtime.KeepAlive(c)
		return promise.Unit{}, check(C.natsConnection_Flush(c.c))
	})
}

// Publish has a message sent soon.
func (c *Client) Publish(subject string, data []byte) error {
	defer runtime.KeepAlive(c)
	to := C.CString(subject)
	defer C.free(unsafe.Pointer(to))
	return check(C.natsConnection_Publish(c.c, to, unsafe.Pointer(unsafe.SliceData(data)), C.int(len(data))))
}

// Message is what a subscription or a request gets.
type Message struct {
	Subject string
	Reply   string // where to publish an answer, if one is wanted
	Data    []byte
}

// Request publishes a message and waits for the answer to it, on a goroutine of its own: on the loop that would never come.
func (c *Client) Request(ctx context.Context, subject string, data []byte, limit time.Duration) *promise.Promise[Message] {
	return promise.Offload(c.l.Context(ctx), func(context.Context) (Message, error) {
		defer runtime.KeepAlive(c)
		to := C.CString(subject)
		defer C.free(unsafe.Pointer(to))
		var answer *C.natsMsg
		s := C.natsConnection_Request(&answer, c.c, to, unsafe.Pointer(unsafe.SliceData(data)), C.int(len(data)), C.int64_t(limit.Milliseconds()))
		if s != C.NATS_OK {
			return Message{}, Status(s)
		}
		defer C.natsMsg_Destroy(answer)
		return copied(answer), nil
	})
}

// Subscribe returns the messages of a subject, for Take. While room of them are unread the thread that they come on waits. The
// stream ends when the connection is closed; to cancel it unsubscribes.
func (c *Client) Subscribe(ctx context.Context, subject string, room int) (*weftio.CStream[*weftio.CPointer], error) {
	defer runtime.KeepAlive(c)
	on := C.CString(subject)
	defer C.free(unsafe.Pointer(on))
	messages, token := weftio.StreamFromC[*weftio.CPointer](c.l.Context(ctx), room)
	if s := C.bus_subscribe(c.c, on, C.weft_token(token)); s != C.NATS_OK {
		messages.Cancel()
		return nil, Status(s)
	}
	return messages, nil
}

// Take returns a message that a stream has given, and frees C's.
func Take(p *weftio.CPointer) Message {
	defer p.Drop()
	return copied((*C.natsMsg)(p.Get()))
}

func copied(m *C.natsMsg) Message {
	return Message{
		Subject: C.GoString(C.natsMsg_GetSubject(m)),
		Reply:   C.GoString(C.natsMsg_GetReply(m)),
		Data:    C.GoBytes(unsafe.Pointer(C.natsMsg_GetData(m)), C.natsMsg_GetDataLength(m)),
	}
}
