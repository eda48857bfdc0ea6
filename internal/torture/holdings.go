// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"time"
)

// holdings is what the process holds that a round must give back.
type holdings struct {
	goroutines  int
	descriptors int
}

func held() holdings { return holdings{goroutines: runtime.NumGoroutine(), descriptors: descriptors()} }

// checkNothingLeft waits until the process holds what it held before the round, apart from the watcher.
func (o *round) checkNothingLeft() {
	const watchers = 1
	start := time.Now()
	for now := held(); now.goroutines > o.before.goroutines+watchers || now.descriptors > o.before.descriptors; now = held() {
		if time.Since(start) > o.limit/2 {
			o.fail("left: before the round the process held %+v, now %+v\n%s", o.before, now, stacks())
			return
		}
		time.Sleep(time.Millisecond)
	}
}
