// SPDX-License-Identifier: MIT

package uv_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// Of the same version and in all the same, but another copy: its thread pool and its signals are not this one's.
func TestLoopOfASecondLibuvIsRefused(t *testing.T) {
	loop, closeLoop := uvtest.SecondLibuv()
	if loop == nil {
		t.Skip("libuv is no library of its own here")
	}
	_, err := uv.Adopt(loop, 1<<33, uv.Host{})
	assert.ErrorIs(t, err, uv.ENOTSUP)
	assert.ErrorContains(t, err, "another copy of libuv")
	_, code, text := uvtest.AdoptC(loop)
	assert.Equal(t, uv.CannotAdopt, code)
	assert.Contains(t, text, "another copy of libuv, in /")
	assert.Contains(t, text, "weft_host")
	assert.Zero(t, closeLoop(), "it was not touched")
}
