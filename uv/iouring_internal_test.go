// SPDX-License-Identifier: MIT

//go:build cgo

package uv

import (
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheFirstLoopGetsNoRingUnlessTheUserChose(t *testing.T) {
	defer func() { firstLoop = sync.Once{} }()
	for _, c := range []struct {
		version int
		chosen  bool
		first   string
	}{
		{0x012c02, false, ""},
		{0x012d00, false, "0"},
		{0x013001, false, "0"},
		{0x013001, true, "1"},
		{0x013100, false, ""},
	} {
		os.Unsetenv(ringVariable)
		if c.chosen {
			t.Setenv(ringVariable, "1")
		}
		firstLoop = sync.Once{}
		var seen []string
		look := func() { seen = append(seen, os.Getenv(ringVariable)) }
		withoutRing(c.version, look)
		withoutRing(c.version, look)
		then := ""
		if c.chosen {
			then = "1"
		}
		assert.Equal(t, []string{c.first, then}, seen, "%#x", c.version)
	}
}
