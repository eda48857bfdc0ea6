// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"net/netip"
	"time"
)

// TCP is a TCP connection or listener. Its zero value, for Init or Accept, may be embedded.
type TCP struct{ Stream }

// TCPFlags change what Bind does.
type TCPFlags int

// TCPIPv6Only keeps an IPv6 socket from taking IPv4 connections too.
const TCPIPv6Only TCPFlags = C.UV_TCP_IPV6ONLY

// NewTCP returns a handle without a socket yet. Loop goroutine only. Binds uv_tcp_init.
func NewTCP(l *Loop) (*TCP, error) {
	t := &TCP{}
	return t, t.Init(l)
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
	t.open(l, ptr)
	return nil
}

// Bind gives the socket an address. That it is taken may show only in Listen or Connect. Loop goroutine only. Binds
// uv_tcp_bind.
func (t *TCP) Bind(a netip.AddrPort, flags TCPFlags) error {
	if t.ptr == 0 {
		return ErrClosed
	}
	ca, err := addrFrom(a)
	if err != nil {
		return err
	}
	return result(C.weft_tcp_bind(t.ptr, &ca, C.int(flags)))
}

// Connect connects and has c told. Close cancels it. Loop goroutine only. Binds uv_tcp_connect.
func (t *TCP) Connect(a netip.AddrPort, c Completer) error {
	if t.ptr == 0 {
		return ErrClosed
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

// NoDelay sets TCP_NODELAY. Loop goroutine only. Binds uv_tcp_nodelay.
func (t *TCP) NoDelay(on bool) error {
	if t.ptr == 0 {
		return ErrClosed
	}
	return result(C.weft_tcp_nodelay(t.ptr, boolean(on)))
}

// KeepAlive has the system probe an idle peer after delay, which is rounded up to seconds. Loop goroutine only. Binds
// uv_tcp_keepalive.
func (t *TCP) KeepAlive(on bool, delay time.Duration) error {
	if t.ptr == 0 {
		return ErrClosed
	}
	return result(C.weft_tcp_keepalive(t.ptr, boolean(on), C.uint((delay+time.Second-1)/time.Second)))
}

// Sockname returns this end's address. Loop goroutine only. Binds uv_tcp_getsockname.
func (t *TCP) Sockname() (netip.AddrPort, error) {
	if t.ptr == 0 {
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
	if t.ptr == 0 {
		return netip.AddrPort{}, ErrClosed
	}
	var ca C.weft_addr
	if e := C.weft_tcp_peername(t.ptr, &ca); e != 0 {
		return netip.AddrPort{}, Errno(e)
	}
	return addrTo(&ca), nil
}

// CloseReset is Close that resets the connection instead of ending it in order. Loop goroutine only. Binds
// uv_tcp_close_reset.
func (t *TCP) CloseReset(c Completer) error {
	return t.close(c, C.WEFT_CLOSE_RESET)
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
