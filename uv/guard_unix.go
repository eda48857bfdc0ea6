// SPDX-License-Identifier: MIT

//go:build unix && cgo

package uv

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// guard keeps a write to a closed pipe or socket, on a thread that Go did not make, from killing the process. The signal is
// caught, not ignored: what os/exec starts would inherit that. Once caught, Go no longer ends a program whose stdout is a
// broken pipe: it sees EPIPE instead.
var guard = sync.OnceFunc(func() {
	c := make(chan os.Signal, 1) // never read: a full channel drops the signal
	signal.Notify(c, syscall.SIGPIPE)
})
