// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"net/netip"
	"runtime"
	"unsafe"
)

// UDP is a UDP socket. Its zero value, for Init, may be embedded.
type UDP struct {
	Handle
	most      int    // bytes of the largest datagram to where Connect has gone; 0: unknown
	receiving bool   // from RecvStart to RecvStop
	stopped   uint32 // 1 + the Turn after which RecvStop has ended that last; 0: never
}

// UDPFlags change what Bind does.
type UDPFlags int

// The flags of Bind.
const (
	UDPIPv6Only     UDPFlags = C.UV_UDP_IPV6ONLY      // an IPv6 socket does not take IPv4 too
	UDPReuseAddr    UDPFlags = C.UV_UDP_REUSEADDR     // others may have the address too; the last to bind gets what comes
	UDPLinuxRecvErr UDPFlags = C.UV_UDP_LINUX_RECVERR // on Linux, more of what ICMP says is told as an error
	UDPReusePort    UDPFlags = C.WEFT_UDP_REUSEPORT   // others may have the address too and share what comes; ENOTSUP before libuv 1.49
)

// Membership is whether SetMembership joins or leaves.
type Membership int

// What SetMembership does.
const (
	LeaveGroup Membership = C.UV_LEAVE_GROUP
	JoinGroup  Membership = C.UV_JOIN_GROUP
)

// NewUDP returns a handle without a socket yet. Loop goroutine only. Binds uv_udp_init.
func NewUDP(l *Loop) (*UDP, error) {
	u := &UDP{}
	if err := u.Init(l); err != nil {
		return nil, err
	}
	return u, nil
}

// Init makes the handle of a zero UDP, without a socket yet. Loop goroutine only. Binds uv_udp_init.
func (u *UDP) Init(l *Loop) error { return u.InitEx(l, 0, false) }

// InitEx is Init with a socket of a family, 4 or 6, or 0 for none yet, and, with recvmmsg, one that has the system hand over
// up to 20 datagrams at a time where it can. Loop goroutine only. Binds uv_udp_init_ex.
func (u *UDP) InitEx(l *Loop, family int, recvmmsg bool) error {
	switch {
	case l.shared == nil:
		return ErrClosed
	case u.l != nil:
		return EALREADY
	case family != 0 && family != C.WEFT_IPV4 && family != C.WEFT_IPV6:
		return EINVAL
	}
	var ptr C.uintptr_t
	if e := C.weft_udp_new(l.ptr, C.int(family), boolean(recvmmsg), &ptr); e != 0 {
		return Errno(e)
	}
	u.open(l, ptr, nil)
	return nil
}

// Open makes the handle have an existing datagram socket, also one that is no UDP, and sets SO_REUSEADDR on it. On success the
// socket is the handle's to close. Loop goroutine only. Binds uv_udp_open.
func (u *UDP) Open(sock uintptr) error {
	if err := u.ready(); err != nil {
		return err
	}
	return result(C.weft_udp_open(u.ptr, C.uintptr_t(sock)))
}

// OpenEx is Open that sets only what the flags ask for, UDPReuseAddr or UDPReusePort; ENOTSUP before libuv 1.52. Loop goroutine
// only. Binds uv_udp_open_ex.
func (u *UDP) OpenEx(sock uintptr, flags UDPFlags) error {
	if err := u.ready(); err != nil {
		return err
	}
	return result(C.weft_udp_open_ex(u.ptr, C.uintptr_t(sock), C.int(flags)))
}

// Bind gives the socket an address. Loop goroutine only. Binds uv_udp_bind.
func (u *UDP) Bind(a netip.AddrPort, flags UDPFlags) error {
	if err := u.ready(); err != nil {
		return err
	}
	ca, err := addrFrom(a)
	if err != nil {
		return err
	}
	return result(C.weft_udp_bind(u.ptr, &ca, C.int(flags)))
}

// Connect makes a the only peer: sends need no address, and only what comes from there is received. A refused datagram is
// told as ECONNREFUSED, by a later send or receive. Of a connected socket it returns EISCONN. Loop goroutine only. Binds
// uv_udp_connect.
func (u *UDP) Connect(a netip.AddrPort) error {
	if err := u.ready(); err != nil {
		return err
	}
	ca, err := addrFrom(a)
	if err != nil {
		return err
	}
	if e := C.weft_udp_connect(u.ptr, &ca); e != 0 {
		return Errno(e)
	}
	u.most = largest(a)
	return nil
}

// Disconnect ends a Connect; ENOTCONN without one. The system may give the socket another port, if nobody has asked for this
// one. Loop goroutine only. Binds uv_udp_connect.
func (u *UDP) Disconnect() error {
	if err := u.ready(); err != nil {
		return err
	}
	u.most = 0
	return result(C.weft_udp_connect(u.ptr, nil))
}

// Sockname returns the socket's address. Loop goroutine only. Binds uv_udp_getsockname.
func (u *UDP) Sockname() (netip.AddrPort, error) {
	if err := u.ready(); err != nil {
		return netip.AddrPort{}, err
	}
	var ca C.weft_addr
	if e := C.weft_udp_sockname(u.ptr, &ca); e != 0 {
		return netip.AddrPort{}, Errno(e)
	}
	return addrTo(&ca), nil
}

// Peername returns the address that the socket is connected to, ENOTCONN without one. Loop goroutine only. Binds
// uv_udp_getpeername.
func (u *UDP) Peername() (netip.AddrPort, error) {
	if err := u.ready(); err != nil {
		return netip.AddrPort{}, err
	}
	var ca C.weft_addr
	if e := C.weft_udp_peername(u.ptr, &ca); e != 0 {
		return netip.AddrPort{}, Errno(e)
	}
	return addrTo(&ca), nil
}

// SetMembership joins or leaves a multicast group on the interface that has the address iface; the zero Addr is the system's
// choice. An IPv6 interface is named by a zone, of iface or of group. Loop goroutine only. Binds uv_udp_set_membership.
func (u *UDP) SetMembership(group, iface netip.Addr, m Membership) error {
	return u.setMembership(group, iface, netip.Addr{}, m)
}

// SetSourceMembership is SetMembership for what source sends to the group. Loop goroutine only. Binds
// uv_udp_set_source_membership.
func (u *UDP) SetSourceMembership(group, iface, source netip.Addr, m Membership) error {
	if u.isOpen() && !source.IsValid() {
		return EINVAL
	}
	return u.setMembership(group, iface, source, m)
}

func (u *UDP) setMembership(group, iface, source netip.Addr, m Membership) error {
	if err := u.ready(); err != nil {
		return err
	}
	if !group.IsValid() || m != JoinGroup && m != LeaveGroup {
		return EINVAL
	}
	if !iface.IsValid() && group.Zone() != "" {
		iface = netip.IPv6Unspecified().WithZone(group.Zone())
	}
	cg, err := addrFrom(netip.AddrPortFrom(group.WithZone(""), 0))
	if err != nil {
		return err
	}
	ci, err := optionalAddr(iface)
	if err != nil {
		return err
	}
	cs, err := optionalAddr(source)
	if err != nil {
		return err
	}
	return result(C.weft_udp_membership(u.ptr, &cg, &ci, &cs, C.int(m)))
}

// optionalAddr is an address as C has it, of no family for the zero Addr.
func optionalAddr(ip netip.Addr) (addr, error) {
	if !ip.IsValid() {
		return addr{}, nil
	}
	return addrFrom(netip.AddrPortFrom(ip, 0))
}

// SetMulticastInterface makes what the socket sends to multicast groups leave by the interface that has the address iface, or
// the zone, if it is of IPv6; the zero Addr is the system's choice. Loop goroutine only. Binds uv_udp_set_multicast_interface.
func (u *UDP) SetMulticastInterface(iface netip.Addr) error {
	if err := u.ready(); err != nil {
		return err
	}
	ci, err := optionalAddr(iface)
	if err != nil {
		return err
	}
	return result(C.weft_udp_multicast_interface(u.ptr, &ci))
}

// SetMulticastLoop has what the socket sends to a group come back to this machine's members, as it does at first. Loop goroutine
// only. Binds uv_udp_set_multicast_loop.
func (u *UDP) SetMulticastLoop(on bool) error {
	return u.set(C.WEFT_UDP_MULTICAST_LOOP, int(boolean(on)))
}

// SetMulticastTTL sets over how many networks a datagram to a group may go, 1 to 255. Loop goroutine only. Binds
// uv_udp_set_multicast_ttl.
func (u *UDP) SetMulticastTTL(ttl int) error { return u.set(C.WEFT_UDP_MULTICAST_TTL, ttl) }

// SetTTL sets over how many networks a datagram may go, 1 to 255. On an IPv6 socket that Bind did not bind it does nothing. Loop
// goroutine only. Binds uv_udp_set_ttl.
func (u *UDP) SetTTL(ttl int) error { return u.set(C.WEFT_UDP_TTL, ttl) }

// SetBroadcast lets the socket send to broadcast addresses. Loop goroutine only. Binds uv_udp_set_broadcast.
func (u *UDP) SetBroadcast(on bool) error { return u.set(C.WEFT_UDP_BROADCAST, int(boolean(on))) }

func (u *UDP) set(option C.int, value int) error {
	if err := u.ready(); err != nil {
		return err
	}
	if value < 0 || value > 255 { // C's int may be smaller
		return EINVAL
	}
	return result(C.weft_udp_set(u.ptr, option, C.int(value)))
}

// Datagram is one to send. Its bytes are those of Bufs, one behind the other; the zero To is where the socket is connected to.
type Datagram struct {
	Bufs [][]byte
	To   netip.AddrPort
}

// Send sends a datagram of the bytes of bufs, which it has copied when it returns, by the next turn, and has c told; a nil c is
// not. The zero AddrPort is where the socket is connected to. What one turn sends leaves together, in order, where libuv can
// do that (1.50). What the system does not take at once waits; libuv 1.44 lets a failure of one that waits be that of all in front of which
// it waits. Close ends those with ECANCELED. Loop goroutine only. Binds uv_udp_try_send and uv_udp_send.
func (u *UDP) Send(bufs [][]byte, to netip.AddrPort, c Completer) error {
	if !u.isOpen() {
		return ErrClosed
	}
	at, err := u.keep(bufs, to)
	if err != nil {
		return err
	}
	sub := C.weft_sub{handle: u.ptr, op: C.WEFT_UDP_SEND, data: at}
	if !isNil(c) {
		sub.token = C.uint64_t(u.l.slots.add(c, true))
	}
	if err := u.l.submit(sub); err != nil {
		u.l.slots.remove(uint64(sub.token))
		return err
	}
	return nil
}

// keep puts a datagram into memory that the next turn gives back, and returns where it lies there. One that can be known to be too
// large must not get as far as libuv, which may drop others for it.
func (u *UDP) keep(bufs [][]byte, to netip.AddrPort) (at C.uintptr_t, err error) {
	var ca addr
	most := u.most
	if to != (netip.AddrPort{}) {
		if ca, err = addrFrom(to); err != nil {
			return 0, err
		}
		most = largest(to)
	}
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	switch {
	case len(bufs) == 0:
		return 0, EINVAL
	case most > 0 && size > most || size > 1<<30:
		return 0, EMSGSIZE
	}
	return u.l.keepDatagram(bufs, size, ca)
}

// largest is the size of the largest datagram that can be sent to a.
func largest(a netip.AddrPort) int {
	const udpHeader, ipHeader = 8, 20
	if a.Addr().Unmap().Is4() {
		return 1<<16 - 1 - udpHeader - ipHeader
	}
	return 1<<16 - 1 - udpHeader
}

func (l *Loop) keepDatagram(bufs [][]byte, size int, to addr) (at C.uintptr_t, err error) {
	s := l.shared
	used := (s.arena_used + 7) &^ 7
	end := used + C.sizeof_weft_datagram + C.uint64_t(size)
	if end > s.arena_cap {
		if e := C.weft_arena_grow(l.ptr, end-s.arena_used); e != 0 {
			return 0, Errno(e)
		}
	}
	d := (*C.weft_datagram)(unsafe.Add(unsafe.Pointer(s.arena), uintptr(used)))
	d.to, d.len = to, C.uint64_t(size)
	rest := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(d), C.sizeof_weft_datagram)), size)
	for _, b := range bufs {
		rest = rest[copy(rest, b):]
	}
	s.arena_used = end
	return C.uintptr_t(used), nil
}

// TrySend sends a datagram, as Send does, if the system takes it at once, and returns its size; EAGAIN when it does not, or
// when others wait. Loop goroutine only. Binds uv_udp_try_send.
func (u *UDP) TrySend(bufs [][]byte, to netip.AddrPort) (int, error) {
	one := [1]Datagram{{bufs, to}}
	if _, err := u.TrySend2(one[:]); err != nil {
		return 0, err
	}
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	return size, nil
}

// TrySend2 sends datagrams, in as few system calls as it can, as long as the system takes them at once, and returns how many that
// were; an error is that of the first. Loop goroutine only. Binds uv_udp_try_send2, before libuv 1.50 uv_udp_try_send.
func (u *UDP) TrySend2(datagrams []Datagram) (int, error) {
	if err := u.ready(); err != nil {
		return 0, err
	}
	if len(datagrams) == 0 {
		return 0, EINVAL
	}
	used := u.l.shared.arena_used
	defer func() { u.l.shared.arena_used = used }()
	var first C.uintptr_t
	n := 0
	for i := range datagrams {
		at, err := u.keep(datagrams[i].Bufs, datagrams[i].To)
		if err != nil && i == 0 {
			return 0, err
		}
		if err != nil {
			break
		}
		if i == 0 {
			first = at
		}
		n++
	}
	sent := C.weft_udp_try_send(u.ptr, C.uint64_t(first), C.uint64_t(n))
	if sent < 0 {
		return 0, Errno(sent)
	}
	return int(sent), nil
}

// RecvStart has c told of each datagram, in Event.Data, Event.Addr and Event.Partial, and of failures, after which receiving
// goes on, but not on Windows. A socket without an address gets one. A second RecvStart returns EALREADY; on Windows one after RecvStop
// returns EBUSY until the next turn. Loop goroutine only. Binds uv_udp_recv_start.
func (u *UDP) RecvStart(c Completer) error {
	if err := u.ready(); err != nil {
		return err
	}
	switch {
	case isNil(c):
		return EINVAL
	case runtime.GOOS == "windows" && u.stopped == u.l.turns+1:
		// The request to receive may have ended already. libuv would make it anew, count two and never close the handle.
		return EBUSY
	}
	token := u.token
	if token == 0 {
		token = u.l.slots.add(c, false)
	}
	if e := C.weft_udp_recv_start(u.ptr, C.uint64_t(token)); e != 0 {
		if u.token == 0 {
			u.l.slots.remove(token)
		}
		return Errno(e)
	}
	u.token = token
	u.receiving = true
	u.l.slots.set(token, c)
	return nil
}

// RecvStop stops receiving. Datagrams that the loop has collected already are still delivered. A second one does nothing. Loop
// goroutine only. Binds uv_udp_recv_stop.
func (u *UDP) RecvStop() error {
	if err := u.ready(); err != nil {
		return err
	}
	if u.receiving {
		u.receiving, u.stopped = false, u.l.turns+1
	}
	return result(C.weft_udp_recv_stop(u.ptr))
}

// UsingRecvmmsg reports whether the system hands over several datagrams at a time. Loop goroutine only. Binds
// uv_udp_using_recvmmsg.
func (u *UDP) UsingRecvmmsg() bool { return u.isOpen() && C.weft_udp_using_recvmmsg(u.ptr) != 0 }

// SendQueueSize returns the bytes of the datagrams that wait. Loop goroutine only. Binds uv_udp_get_send_queue_size.
func (u *UDP) SendQueueSize() int {
	if u.ready() != nil {
		return 0
	}
	return int(C.weft_udp_queue_size(u.ptr))
}

// SendQueueCount returns how many datagrams wait. Loop goroutine only. Binds uv_udp_get_send_queue_count.
func (u *UDP) SendQueueCount() int {
	if u.ready() != nil {
		return 0
	}
	return int(C.weft_udp_queue_count(u.ptr))
}

// Addr returns where the datagram of a UDP.RecvStart came from, invalid if it has no address that netip knows, or with a failure
// the host that reported it, if that is known. Call it before Complete returns.
func (ev Event) Addr() netip.AddrPort {
	if ev.kind != C.WEFT_FROM {
		return netip.AddrPort{}
	}
	return addrTo((*addr)(ev.raw))
}

// Partial reports whether the datagram of a UDP.RecvStart was larger than what there was room for, 64 KiB, and the rest of it is
// lost.
func (ev Event) Partial() bool { return ev.kind == C.WEFT_FROM && ev.aux&C.UV_UDP_PARTIAL != 0 }
