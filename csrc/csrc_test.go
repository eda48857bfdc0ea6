// SPDX-License-Identifier: MIT

package csrc

import (
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestBothBuildsNameEverySource(t *testing.T) {
	files, err := fs.Glob(Sources, "src/*.c")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	cgo, err := os.ReadFile("../uv/csrc.c")
	require.NoError(t, err)
	cmake, err := os.ReadFile("../CMakeLists.txt")
	require.NoError(t, err)
	for _, f := range files {
		assert.Equal(t, 1, strings.Count(string(cgo), `#include "../csrc/`+f+`"`), "uv/csrc.c and %s", f)
		assert.Equal(t, 1, strings.Count(string(cmake), "  csrc/"+f), "CMakeLists.txt and %s", f)
	}
}
