// SPDX-License-Identifier: MIT

// Package collect has a server collect its garbage when it is told, so that its memory can be measured.
package collect

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// OnSignal collects and prints a line, each time SIGUSR1 comes.
func OnSignal() {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	go func() {
		for range told {
			debug.FreeOSMemory() // the first one moves what a sync.Pool holds aside, the second one frees it
			debug.FreeOSMemory()
			fmt.Println("collected")
		}
	}()
}
