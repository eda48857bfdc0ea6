// SPDX-License-Identifier: MIT

package uv

// #include <stdlib.h>
// #include "../csrc/src/engine.h"
import "C"

import (
	"net/netip"
	"strings"
	"unsafe"
)

// AddrInfoHints narrow a lookup down.
type AddrInfoHints struct {
	Flags  int // AI_ flags of the system
	Family int // 4, 6, or 0 for both
}

// AddrInfoReq is a lookup on libuv's thread pool.
type AddrInfoReq struct {
	l     *Loop
	ptr   C.uintptr_t // 0: completed
	c     Completer
	addrs []netip.AddrPort
}

// GetAddrInfo looks a host and a service up, for stream sockets, and has c told; Addrs is filled in by then. An empty service
// leaves the ports 0. Loop goroutine only. Binds uv_getaddrinfo.
func GetAddrInfo(l *Loop, node, service string, hints AddrInfoHints, c Completer) (*AddrInfoReq, error) {
	switch {
	case l.shared == nil:
		return nil, ErrClosed
	case isNil(c):
		return nil, EINVAL
	}
	if strings.ContainsRune(node, 0) || strings.ContainsRune(service, 0) {
		return nil, EINVAL
	}
	cnode, cservice := optional(node), optional(service)
	defer C.free(unsafe.Pointer(cnode))
	defer C.free(unsafe.Pointer(cservice))
	r := &AddrInfoReq{l: l, c: c}
	token := l.slots.add(r, true)
	e := C.weft_getaddrinfo(l.ptr, cnode, cservice, C.int(hints.Flags), C.int(hints.Family), C.uint64_t(token), &r.ptr)
	if e != 0 {
		l.slots.remove(token)
		return nil, Errno(e)
	}
	return r, nil
}

// optional is a C string, NULL for an empty one.
func optional(s string) *C.char {
	if s == "" {
		return nil
	}
	return C.CString(s)
}

// Complete implements Completer.
func (r *AddrInfoReq) Complete(ev Event) {
	r.ptr = 0
	if ev.raw != nil {
		r.addrs = r.l.takeAddrs(ev.raw, ev.Value)
		ev.Value = 0
	}
	r.c.Complete(ev)
}

// Cancel takes the lookup back, which then completes with EAI_CANCELED. It returns EBUSY when a thread works on it
// already, or it has completed. Loop goroutine only. Binds uv_cancel.
func (r *AddrInfoReq) Cancel() error {
	if r.ptr == 0 {
		return EBUSY
	}
	return result(C.weft_getaddrinfo_cancel(r.ptr))
}

// Addrs returns what was found, in the system's order.
func (r *AddrInfoReq) Addrs() []netip.AddrPort { return r.addrs }
