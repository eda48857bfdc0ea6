// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/uv"
)

// standardChild is set for a process that TestALoopWithoutStandardDescriptors starts.
const standardChild = "WEFT_TEST_STANDARD_CHILD"

// libuv aborts when it closes a descriptor that has one of these numbers.
func TestALoopWithoutStandardDescriptors(t *testing.T) {
	if os.Getenv(standardChild) == "" {
		child := exec.Command(os.Args[0], "-test.run=^TestALoopWithoutStandardDescriptors$")
		child.Env = append(os.Environ(), standardChild+"=1")
		require.NoError(t, child.Run())
		return
	}
	for fd := range 3 {
		require.NoError(t, syscall.Close(fd))
	}
	l, err := uv.NewLoop()
	require.NoError(t, err)
	require.NoError(t, l.Close())
	var null syscall.Stat_t
	require.NoError(t, syscall.Stat(os.DevNull, &null))
	for fd := range 3 {
		var st syscall.Stat_t
		require.NoError(t, syscall.Fstat(fd, &st))
		assert.Equal(t, null.Rdev, st.Rdev)
	}
}
