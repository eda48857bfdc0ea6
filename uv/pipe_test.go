// SPDX-License-Identifier: MIT

package uv_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

func TestAPipeIsMadeOnce(t *testing.T) {
	l := newLoop(t)
	p, err := uv.NewPipe(l, false)
	require.NoError(t, err)
	assert.Equal(t, uv.EALREADY, p.Init(l, false))
	require.NoError(t, p.Close(nil))
}
