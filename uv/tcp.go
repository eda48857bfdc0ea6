// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"math"
	"net/netip"
	"time"
)

// TCP is a TCP connection or listener. Its zero value, for Init or Accept, may be embedded.
type TCP struct{ Stream }

// TCPFlags change what Bind does.
type TCPFlags int

const (
	// TCPIPv6Only keeps an IPv6 socket from taking IPv4 connections too.
	TCPIPv6Only TCPFlags = C.UV_TCP_IPV6ONLY
	// TCPReusePort has the system share the connections out among all listeners of a port. ENOTSUP before libuv 1.49, and on
	// systems that cannot.
	TCPReusePort TCPFlags = C.WEFT_TCP_REUSEPORT
)

// NewTCP returns a handle without a socket yet. Loop goroutine only. Binds uv_tcp_init.
func NewTCP(l *Loop) (*TCP, error) {
	t := &TCP{}
	if err := t.Init(l); err != nil {
		return nil, err
	}
	return t, nil
}

// Init makes the handle of a zero TCP, without a socket yet. Loop goroutine only. Binds uv_tcp_init.
func (t *TCP) Init(l *Loop) error {
	switch {
	case l.shared == nil:
		return ErrClosed
	case t.l != nil:
		return EALREADY
	}
	var ptr C.uintptr_t
	if e := C.weft_tcp_new(l.ptr, &ptr); e != 0 {
		return Errno(e)
	}
	t.open(l, ptr, &t.Stream)
	return nil
}

// InitEx makes the handle of a zero TCP with a socket of family 4 or 6, which Fileno has for options that are set before Bind. With
// family 0 it is Init. Loop goroutine only. Binds uv_tcp_init_ex.
func (t *TCP) InitEx(l *Loop, family int) error {
	if family == 0 {
		return t.Init(l)
	}
	switch {
	case l.shared == nil:
		return ErrClosed
	case t.l != nil:
		return EALREADY
	}
	var ptr C.uintptr_t
	if e := C.weft_tcp_new_early(l.ptr, C.int(family), &ptr); e != 0 {
		return Errno(e)
	}
	t.open(l, ptr, &t.Stream)
	return nil
}

// Open makes the handle be a socket that exists. When it returns nil the socket is libuv's, which has made it non-blocking and closes
// it: a file or connection of Go's, which Go closes too, is duplicated for it first. On Windows it must not be one of Go's
// at all. As with a Pipe, it is for one handle, and closed by no one else. Loop goroutine only. Binds uv_tcp_open.
func (t *TCP) Open(sock uintptr) error {
	if err := t.ready(); err != nil {
		return err
	}
	return result(C.weft_tcp_open(t.ptr, C.uintptr_t(sock)))
}

// Bind gives the socket an address. That it is taken may show only in Listen or Connect. Loop goroutine only. Binds
// uv_tcp_bind.
func (t *TCP) Bind(a netip.AddrPort, flags TCPFlags) error {
	if err := t.ready(); err != nil {
		return err
	}
	if flags&^(TCPIPv6Only|TCPReusePort) != 0 {
		return EINVAL
	}
	ca, err := addrFrom(a)
	if err != nil {
		return err
	}
	return result(C.weft_tcp_bind(t.ptr, &ca, C.int(flags)))
}

// Connect connects and has c told. Close cancels it. Loop goroutine only. Binds uv_tcp_connect.
func (t *TCP) Connect(a netip.AddrPort, c Completer) error {
	if err := t.ready(); err != nil {
		return err
	}
	if t.listens() || isNil(c) {
		return EINVAL
	}
	ca, err := addrFrom(a)
	if err != nil {
		return err
	}
	token := t.l.slots.add(c, true)
	if e := C.weft_tcp_connect(t.ptr, &ca, C.uint64_t(token)); e != 0 {
		t.l.slots.remove(token)
		return Errno(e)
	}
	return nil
}

// Accept makes client, whose Init was not called, the next connection that the Completer of Listen was told of; EAGAIN when
// there is none. Those that nobody takes are closed with the listener. Loop goroutine only. Binds uv_accept.
func (t *TCP) Accept(client *TCP) error {
	if !t.isOpen() {
		return ErrClosed
	}
	return t.accept(&client.Stream)
}

// NoDelay sets TCP_NODELAY. Loop goroutine only. Binds uv_tcp_nodelay.
func (t *TCP) NoDelay(on bool) error {
	if !t.isOpen() {
		return ErrClosed
	}
	return result(C.weft_tcp_nodelay(t.ptr, boolean(on)))
}

// KeepAlive has the system probe an idle peer after delay, which is rounded up to seconds; EINVAL when it is less than one. Loop
// goroutine only. Binds uv_tcp_keepalive.
func (t *TCP) KeepAlive(on bool, delay time.Duration) error {
	if !t.isOpen() {
		return ErrClosed
	}
	idle, ok := seconds(delay)
	if on && !ok {
		return EINVAL
	}
	return result(C.weft_tcp_keepalive(t.ptr, boolean(on), idle))
}

// KeepAliveEx has the system probe an idle peer after idle, again at every interval, and give it up after count probes; EINVAL when
// one of them is less than a second, or than 1. Before libuv 1.52 it sets the socket's options itself: ENOTSUP on Windows, and before
// there is a socket. Loop goroutine only. Binds uv_tcp_keepalive_ex.
func (t *TCP) KeepAliveEx(on bool, idle, interval time.Duration, count int) error {
	if !t.isOpen() {
		return ErrClosed
	}
	first, ok1 := seconds(idle)
	next, ok2 := seconds(interval)
	if on && !(ok1 && ok2 && count >= 1 && count <= math.MaxInt32) {
		return EINVAL
	}
	return result(C.weft_tcp_keepalive_ex(t.ptr, boolean(on), first, next, C.uint(count)))
}

// seconds is d rounded up; not ok when it is too short or too long.
func seconds(d time.Duration) (s C.uint, ok bool) {
	if d < time.Second || d > math.MaxInt32*time.Second {
		return 0, false
	}
	return C.uint((d-1)/time.Second + 1), true
}

// SimultaneousAccepts lets Windows accept several connections at once, as it does by default; elsewhere it does nothing. What was
// turned off stays off there: ENOTSUP. Loop goroutine only. Binds uv_tcp_simultaneous_accepts.
func (t *TCP) SimultaneousAccepts(on bool) error {
	if !t.isOpen() {
		return ErrClosed
	}
	return result(C.weft_tcp_simultaneous_accepts(t.ptr, boolean(on)))
}

// Sockname returns this end's address. Loop goroutine only. Binds uv_tcp_getsockname.
func (t *TCP) Sockname() (netip.AddrPort, error) {
	if !t.isOpen() {
		return netip.AddrPort{}, ErrClosed
	}
	var ca C.weft_addr
	if e := C.weft_tcp_sockname(t.ptr, &ca); e != 0 {
		return netip.AddrPort{}, Errno(e)
	}
	return addrTo(&ca), nil
}

// Peername returns the other end's address. Loop goroutine only. Binds uv_tcp_getpeername.
func (t *TCP) Peername() (netip.AddrPort, error) {
	if !t.isOpen() {
		return netip.AddrPort{}, ErrClosed
	}
	var ca C.weft_addr
	if e := C.weft_tcp_peername(t.ptr, &ca); e != 0 {
		return netip.AddrPort{}, Errno(e)
	}
	return addrTo(&ca), nil
}

// CloseReset is Close that resets the connection instead of ending it in order. After Shutdown it does nothing and returns
// EINVAL: Close is left. Loop goroutine only. Binds uv_tcp_close_reset.
func (t *TCP) CloseReset(c Completer) error {
	if err := t.ready(); err != nil {
		return err
	}
	if C.weft_stream_is_shut(t.ptr) != 0 {
		return EINVAL
	}
	return t.close(c, C.WEFT_CLOSE_RESET)
}

// SetLinger has the system, at Close, wait for what it has not sent for up to sec seconds, and then reset the connection: at once with 0,
// also after Shutdown, where CloseReset is refused. A negative sec is the default: it sends in the background. Loop goroutine only. It sets
// SO_LINGER, which libuv has no call for.
func (t *TCP) SetLinger(sec int) error {
	if err := t.ready(); err != nil {
		return err
	}
	return result(C.weft_tcp_linger(t.ptr, C.int(min(sec, math.MaxUint16))))
}

// Unsent returns how many bytes were written that the peer's system has not acknowledged: those that libuv has queued, and on Linux
// and macOS those in the system's send buffer. When it shrinks, the peer takes some. Loop goroutine only.
func (t *TCP) Unsent() int {
	if t.ready() != nil {
		return 0
	}
	return int(C.weft_tcp_unsent(t.ptr))
}

// SocketPair returns two sockets that are connected with each other, for Open: typ and protocol are the system's, SOCK_STREAM and 0 for
// a TCP or Pipe. Safe from any goroutine. Binds uv_socketpair.
func SocketPair(typ, protocol int, first, second PairFlags) (socks [2]uintptr, err error) {
	var fds [2]C.uintptr_t
	if e := C.weft_socketpair(C.int(typ), C.int(protocol), C.int(first), C.int(second), &fds[0]); e != 0 {
		return socks, Errno(e)
	}
	return [2]uintptr{uintptr(fds[0]), uintptr(fds[1])}, nil
}

func boolean(on bool) C.int {
	if on {
		return 1
	}
	return 0
}

// result is a status as an error.
func result(e C.int) error {
	if e == 0 {
		return nil
	}
	return Errno(e)
}
