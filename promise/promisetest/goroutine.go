// SPDX-License-Identifier: MIT

package promisetest

import (
	"bytes"
	"runtime"
	"strconv"
	"sync"

	"github.com/weft-go/weft/promise"
)

// running maps the goroutines of loops, which are all coroutines, to their loop. Only a goroutine asks about itself, and a
// coroutine that is not being run asks nothing.
var (
	runningMu sync.RWMutex
	running   = map[uint64]*Loop{}
)

func init() {
	promise.RegisterLocator(func() (*promise.Queue, bool) {
		id := goroutineID()
		runningMu.RLock()
		defer runningMu.RUnlock()
		if l := running[id]; l != nil {
			return l.q, false
		}
		return nil, false
	})
}

// setRunning notes that the calling goroutine is one of l, or of no loop when l is nil.
func setRunning(l *Loop) {
	id := goroutineID()
	runningMu.Lock()
	defer runningMu.Unlock()
	if l == nil {
		delete(running, id)
		return
	}
	running[id] = l
}

// traces keeps tests that count allocations from seeing ours.
var traces = sync.Pool{New: func() any { return new([64]byte) }}

// goroutineID reads the calling goroutine's number off its stack trace, the one place where Go says it. It takes a
// microsecond: this is a package for tests.
func goroutineID() uint64 {
	buf := traces.Get().(*[64]byte)
	defer traces.Put(buf)
	s := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	id, err := strconv.ParseUint(string(s[:bytes.IndexByte(s, ' ')]), 10, 64)
	if err != nil {
		panic("promisetest: runtime.Stack has changed its format: " + err.Error())
	}
	return id
}
