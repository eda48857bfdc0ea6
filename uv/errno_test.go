// SPDX-License-Identifier: MIT

package uv_test

import (
	"errors"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/uv"
)

func TestEachErrnoIsItsNameItsTextAndItself(t *testing.T) {
	seen := map[uv.Errno]string{}
	uv.EachErrno(func(e uv.Errno, name string) {
		assert.Less(t, e, uv.Errno(0), name)
		assert.Equal(t, name, e.Name())
		assert.NotContains(t, e.Error(), "nknown system error", name)
		assert.NotEmpty(t, e.Error(), name)
		assert.ErrorIs(t, e, e)
		assert.Empty(t, seen[e], name)
		seen[e] = name
		// What the system calls the code leads to it as well.
		var sys syscall.Errno
		if errors.As(e, &sys) {
			assert.ErrorIs(t, e, sys, name)
			for other := range seen {
				if runtime.GOOS == "windows" && name == "ENOTDIR" && other == uv.ENOENT {
					continue // what package syscall has for ENOTDIR is a path that is not found, which libuv calls ENOENT
				}
				assert.Equal(t, other == e, errors.Is(other, sys), "%s and %s", other.Name(), name)
			}
		}
	})
	assert.GreaterOrEqual(t, len(seen), 84)
}

func TestUnknownErrnosAreNeitherNamesNorCrashes(t *testing.T) {
	for _, e := range []uv.Errno{1, -9999, 1<<31 - 1, -1 << 31, -2999, -4000} {
		assert.Contains(t, e.Error(), "nknown system error", int(e))
		assert.Contains(t, e.Name(), "nknown system error", int(e))
		assert.NotErrorIs(t, e, uv.EINVAL)
		assert.NotErrorIs(t, e, syscall.EINVAL)
	}
}

func TestSuccessIsNoError(t *testing.T) {
	assert.Equal(t, "no error", uv.Errno(0).Error())
	assert.NoError(t, errors.Unwrap(uv.Errno(0)))
}
