// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// C's int would make of such a number that of a descriptor which somebody else has.
func TestNumbersThatNoDescriptorHas(t *testing.T) {
	if strconv.IntSize < 64 {
		t.Skip("every number is an int of C's")
	}
	l := newLoop(t)
	shift := 32
	for name, fd := range map[string]uintptr{
		"stream":   streamSocket(t, syscall.AF_INET),
		"datagram": datagramSocket(t),
	} {
		far := fd | uintptr(1)<<shift
		for _, open := range []func() error{
			func() error { return newPipeClosedAtEnd(t, l).Open(far) },
			func() error { return newTCPClosedAtEnd(t, l).Open(far) },
			func() error {
				u, err := uv.NewUDP(l)
				require.NoError(t, err)
				defer func() { assert.NoError(t, u.Close(nil)) }()
				return u.Open(far)
			},
			func() error { _, err := uv.NewPoll(l, int(far)); return err },
			func() error { _, err := uv.NewPollSocket(l, far); return err },
			func() error { _, err := uv.NewTTY(l, int(far)); return err },
		} {
			assert.Equal(t, uv.EBADF, open(), name)
		}
		assert.Equal(t, uv.TypeUnknown, uv.GuessHandle(int(far)), name)
		require.NoError(t, syscall.Close(int(fd)), "it is not taken")
	}
}

func datagramSocket(t *testing.T) uintptr {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM, 0)
	require.NoError(t, err)
	syscall.CloseOnExec(fd)
	return uintptr(fd)
}
