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
var running sync.Map // uint64 -> *Loop

func init() {
	promise.RegisterLocator(func() (*promise.Queue, bool) {
		if l, ok := running.Load(goroutineID()); ok {
			return l.(*Loop).q, false
		}
		return nil, false
	})
}

// goroutineID reads the calling goroutine's number off its stack trace, the one place where Go says it. It takes a
// microsecond: this is a package for tests.
func goroutineID() uint64 {
	var buf [64]byte
	s := bytes.TrimPrefix(buf[:runtime.Stack(buf[:], false)], []byte("goroutine "))
	id, err := strconv.ParseUint(string(s[:bytes.IndexByte(s, ' ')]), 10, 64)
	if err != nil {
		panic("promisetest: runtime.Stack has changed its format: " + err.Error())
	}
	return id
}
