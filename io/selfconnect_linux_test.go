// SPDX-License-Identifier: MIT

//go:build amd64 || arm64

package io_test

import (
	"context"
	"net"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/wefttest"
)

// A network of its own, in which the system has one port to pick: that of the address that is
// dialled.
func TestADialDoesNotConnectToItself(t *testing.T) {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if id := os.Getuid(); id != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: id, Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	if !isChild(t, attr) {
		return
	}
	require.NoError(t, loopbackUp())
	require.NoError(t, os.WriteFile("/proc/sys/net/ipv4/ip_local_port_range", []byte("40000 40000"), 0))
	addresses := []string{"127.0.0.1:40000", "127.0.0.2:40000"}
	if ln, err := net.Listen("tcp6", "[::1]:0"); err == nil {
		ln.Close()
		addresses = append(addresses, "[::1]:40000")
	}
	wefttest.Run(t, func(ctx context.Context) error {
		for _, address := range addresses {
			c, err := weftio.Dial(ctx, "tcp", address).Await(ctx)
			if !assert.Error(t, err, address) {
				assert.NotEqual(t, c.LocalAddr(), c.RemoteAddr())
			}
			var op *net.OpError
			require.ErrorAs(t, err, &op)
			assert.Equal(t, address, op.Addr.String())
			assert.ErrorIs(t, err, syscall.ECONNREFUSED)
		}
		return nil
	})
}

// loopbackUp switches the loopback interface of a new network on.
func loopbackUp() error {
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(s)
	request := struct {
		name  [syscall.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}{name: [syscall.IFNAMSIZ]byte{'l', 'o'}, flags: syscall.IFF_UP}
	if _, _, e := syscall.Syscall(syscall.SYS_IOCTL, uintptr(s), syscall.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); e != 0 {
		return e
	}
	return nil
}
