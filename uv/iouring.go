// SPDX-License-Identifier: MIT

//go:build cgo

package uv

import (
	"os"
	"sync"
)

const ringVariable = "UV_USE_IO_URING"

// givesEachLoopARing reports whether a libuv gives every loop an io_uring with a kernel thread that polls, asked or not, for files
// that most loops never open: 1.45 to 1.48 do, unless the environment says otherwise. Untested with one of these.
func givesEachLoopARing(version int) bool { return version >= 0x012d00 && version < 0x013100 }

var firstLoop sync.Once

// withoutRing calls f, which makes a loop: the process's first one, for which libuv reads the environment, in an environment that wants
// no ring, unless the user has chosen. What the process starts later does not inherit that.
func withoutRing(version int, f func()) {
	firstLoop.Do(func() {
		if _, chosen := os.LookupEnv(ringVariable); chosen || !givesEachLoopARing(version) {
			return
		}
		_ = os.Setenv(ringVariable, "0") // the name is a good one
		defer os.Unsetenv(ringVariable)
		f()
		f = func() {}
	})
	f()
}
