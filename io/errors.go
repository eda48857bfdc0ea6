// SPDX-License-Identifier: MIT

package io

import (
	"errors"
	stdio "io"
	"net"
	"net/netip"
	"os"

	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv"
)

// EOF is std's io.EOF: what reading past the end returns, always bare.
var EOF = stdio.EOF

// ErrUnexpectedEOF is std's io.ErrUnexpectedEOF.
var ErrUnexpectedEOF = stdio.ErrUnexpectedEOF

// ErrLineTooLong rejects a ReadLine when no line end comes within the limit. The bytes stay readable by other means.
var ErrLineTooLong = errors.New("weftio: the line is longer than the limit")

// ErrTooLong rejects a ReadAll when more bytes come than the limit allows. They stay readable.
var ErrTooLong = errors.New("weftio: the input is longer than the limit")

// ErrBufferFull rejects a Write that would take an Output over its hard limit: its reader does not keep up, and neither
// did anybody wait for the writes before. Nothing of it was taken.
var ErrBufferFull = errors.New("weftio: the output buffer is full: wait for the promise of an earlier Write or Flush")

// ErrTooManyPending rejects an operation of an Input, or an Accept, when 4,096 of its kind wait there already. It has no effect.
var ErrTooManyPending = errors.New("weftio: 4096 operations wait here already: await some of them before the next one")

// errClosed is net.ErrClosed as what a Close of the program's own does to operations under way: if nobody looks at that, nobody has
// to hear of it either.
var errClosed error = closedError{}

type closedError struct{}

func (closedError) Error() string    { return net.ErrClosed.Error() }
func (closedError) Unwrap() error    { return net.ErrClosed }
func (closedError) Unreported() bool { return true }

// peerError is a code that the other end of a connection causes, or the way there: the program cannot help it, so nobody has to hear
// of it who does not ask.
type peerError struct{ code uv.Errno }

func (e peerError) Error() string    { return e.code.Error() }
func (e peerError) Unwrap() error    { return e.code }
func (e peerError) Timeout() bool    { return e.code.Timeout() }
func (e peerError) Temporary() bool  { return e.code.Temporary() }
func (e peerError) Unreported() bool { return true }

// ofPeer marks the codes that a peer causes on a connection that was established.
func ofPeer(err error) error {
	switch err {
	case uv.ECONNRESET, uv.EPIPE, uv.ECONNABORTED, uv.ENOTCONN, uv.ETIMEDOUT, uv.EHOSTUNREACH, uv.ENETUNREACH, uv.ENETDOWN:
		return peerError{err.(uv.Errno)}
	}
	return err
}

// opError is the shape of every network error that leaves this package: the one that package net gives.
func opError(op, network string, source, addr net.Addr, err error) error {
	if err == nil || err == EOF || errors.Is(err, promise.ErrLoopClosed) {
		return err
	}
	if _, ok := err.(*net.OpError); ok {
		return err
	}
	return &net.OpError{Op: op, Net: network, Source: source, Addr: addr, Err: err}
}

// sysError is a libuv status, with or without words around it, as os.SyscallError, as std has it
// inside an OpError.
func sysError(call string, status error) error {
	var code uv.Errno
	if _, ok := status.(*net.OpError); ok || !errors.As(status, &code) {
		return status
	}
	return os.NewSyscallError(call, status)
}

// dnsError is the error of a lookup.
func dnsError(status error, name string) error {
	code, _ := status.(uv.Errno)
	switch code {
	case uv.EAI_NONAME, uv.EAI_NODATA, uv.EINVAL: // libuv's, of what cannot be a name
		return noSuchHost(name)
	}
	return &net.DNSError{Err: status.Error(), Name: name, UnwrapErr: status, IsTimeout: code == uv.ETIMEDOUT, IsTemporary: code.Temporary()}
}

func noSuchHost(name string) *net.DNSError {
	return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// unfinishedLookup is the error of a lookup that ends because of cause.
func unfinishedLookup(name string, cause error) error {
	return &net.DNSError{Err: cause.Error(), Name: name, UnwrapErr: cause, IsTimeout: isTimeout(cause)}
}

// tcpAddr is an address as std has it.
func tcpAddr(a netip.AddrPort) net.Addr {
	if !a.IsValid() {
		return nil
	}
	return net.TCPAddrFromAddrPort(a)
}
