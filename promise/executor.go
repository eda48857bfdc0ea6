// SPDX-License-Identifier: MIT

package promise

import (
	"sync"
	"sync/atomic"
	"time"
)

// Executor is what a loop gives its Queue: the one seam between this package and a loop. Package io implements it on
// libuv, promisetest by hand.
type Executor interface {
	// Wake asks for the queue's Run to be called soon. It may come from any goroutine, and is cheap when the
	// loop is awake already.
	Wake()
	// Now is the loop's monotonic clock. Safe from any goroutine.
	Now() time.Duration
	// WakeAt asks for Run to be called at time t on that clock, in place of the time of the last call; a negative t
	// asks for none. It is called on the loop's goroutine, at the end of Run.
	WakeAt(t time.Duration)
}

// A locator tells whose queue the calling thread runs at this moment: nil when it runs none. nested reports that the
// caller sits inside a C frame which that queue's Go code entered, so that its coroutine cannot be switched away.
type locator func() (q *Queue, nested bool)

var (
	locatorsMu sync.Mutex
	locators   atomic.Pointer[[]locator]
)

// RegisterLocator adds a way to find the queue that the calling thread runs. Each kind of loop registers one, in an
// init function. Only waiting, and attaching to a promise without a loop, ask it.
func RegisterLocator(f func() (q *Queue, nested bool)) {
	locatorsMu.Lock()
	defer locatorsMu.Unlock()
	var all []locator
	if old := locators.Load(); old != nil {
		all = append(all, *old...)
	}
	all = append(all, f)
	locators.Store(&all)
}

// locate returns the queue whose user code the caller is part of.
func locate() (q *Queue, nested bool) {
	all := locators.Load()
	if all == nil {
		return nil, false
	}
	for _, f := range *all {
		if q, nested := f(); q != nil {
			return q, nested
		}
	}
	return nil, false
}

// Executor returns what the queue was made with: the loop.
func (q *Queue) Executor() Executor { return q.exec }
