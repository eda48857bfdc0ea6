// SPDX-License-Identifier: MIT

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A code of a header that is newer than all that this program knows shows here, too.
func TestErrnoCodesAreThoseOfTheHeader(t *testing.T) {
	if runtime.GOOS == "windows" {
		if _, err := exec.LookPath("pkg-config"); err != nil {
			t.Skip("cross-built: the system that runs this has neither pkg-config nor libuv's header")
		}
	}
	dir, err := exec.Command("pkg-config", "--variable=includedir", "libuv").Output()
	require.NoError(t, err)
	header, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "uv.h"))
	require.NoError(t, err)
	want, err := generate(string(header))
	require.NoError(t, err)
	got, err := os.ReadFile("../../errno_codes.go")
	require.NoError(t, err)
	assert.Equal(t, want, string(got), "in uv/: go generate. A code that libuv 1.44 lacks also goes into newer, and into csrc/src/error.h")
}

func TestHeaderWithoutTheListIsAnError(t *testing.T) {
	_, err := generate("#define UV_VERSION_MAJOR 0\n")
	assert.Error(t, err)
}
