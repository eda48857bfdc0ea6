// SPDX-License-Identifier: MIT

//go:build unix && cgo

package uv

// #include "../csrc/src/engine.h"
import "C"

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// guard keeps a write to a closed pipe or socket, on a thread that Go did not make, from killing the process. The signal is
// caught, not ignored: what os/exec starts would inherit that. Once caught, Go no longer ends a program whose stdout is a
// broken pipe: it sees EPIPE instead. Each loop looks anew, for C code may have put the default action back, or
// a signal.Reset has undone it; so do Signal.Start and Spawn. What the program has had Go ignore stays so.
func guard() error {
	if !signal.Ignored(syscall.SIGPIPE) {
		signal.Notify(guarded, syscall.SIGPIPE)
	}
	return result(C.weft_guard_pipe())
}

var guarded = make(chan os.Signal, 1) // never read

// catch has Go do nothing when sig comes, until signal.Stop is called with what it returns.
func catch(sig syscall.Signal) chan os.Signal {
	c := make(chan os.Signal, 1) // never read: a full channel drops the signal
	signal.Notify(c, sig)
	return c
}

// held is the signals that libuv watches for. Go would end the process for some of them; and for any that comes on a thread that it
// did not make, as those of libuv's pool, where it puts the default action back for what nobody has asked it for.
var held = struct {
	mu sync.Mutex
	of map[syscall.Signal]*heldSignal
}{of: map[syscall.Signal]*heldSignal{}}

type heldSignal struct {
	watchers int
	c        chan os.Signal
}

// holdSignal has Go let the process live when sig comes, until releaseSignal is called with what it returns, which is 0 when
// there is nothing to release. A signal without a handler is not Go's.
func holdSignal(sig syscall.Signal) syscall.Signal {
	if C.weft_guard_handled(C.int(sig)) == 0 {
		return 0
	}
	held.mu.Lock()
	defer held.mu.Unlock()
	if h := held.of[sig]; h != nil {
		h.watchers++
		signal.Notify(h.c, sig) // again: a Reset may have undone it
	} else {
		held.of[sig] = &heldSignal{1, catch(sig)}
	}
	return sig
}

func releaseSignal(sig syscall.Signal) {
	if sig == 0 {
		return
	}
	held.mu.Lock()
	defer held.mu.Unlock()
	h := held.of[sig]
	if h.watchers--; h.watchers == 0 {
		signal.Stop(h.c)
		delete(held.of, sig)
	}
}
