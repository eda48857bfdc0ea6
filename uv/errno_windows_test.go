// SPDX-License-Identifier: MIT

package uv_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/uv"
)

func TestErrnoIsWhatWindowsCallsTheSame(t *testing.T) {
	const wsaeConnRefused = syscall.Errno(10061)
	for code, errno := range map[syscall.Errno]uv.Errno{
		wsaeConnRefused:              uv.ECONNREFUSED,
		syscall.WSAECONNRESET:        uv.ECONNRESET,
		syscall.WSAECONNABORTED:      uv.ECONNABORTED,
		syscall.ERROR_FILE_NOT_FOUND: uv.ENOENT,
		syscall.ERROR_ACCESS_DENIED:  uv.EPERM,
		syscall.ERROR_BROKEN_PIPE:    uv.EOF,
	} {
		assert.ErrorIs(t, errno, code)
		assert.NotErrorIs(t, uv.EBUSY, code)
	}
}
