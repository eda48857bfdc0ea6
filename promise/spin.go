// SPDX-License-Identifier: MIT

package promise

import (
	"runtime"
	"sync/atomic"
	"time"
)

// spinner has a goroutine look out for a promise for a moment before it parks. Waking a sleeping loop, and then the goroutine,
// takes tens of microseconds and two trips through the kernel; a loop that answers at once spares the second. Where loops
// take longer (I/O), looking out is a waste: so after some failures in a row the looks get shorter, and now and then one is long again.
type spinner struct {
	looking  atomic.Int32
	failures atomic.Uint32 // in a row
}

const (
	spinTime  = 100 * time.Microsecond
	spinRetry = 64 // every so many failures the full time
)

// until reports whether p settled while it looked. It does not look when that might keep the loop from a processor.
func (s *spinner) until(p awaited) bool {
	defer s.looking.Add(-1)
	if int(s.looking.Add(1)) > runtime.GOMAXPROCS(0)/2 {
		return false
	}
	failures := s.failures.Load()
	limit := spinTime
	if failures%spinRetry != 0 {
		limit >>= min(failures/8, 6)
	}
	for start := time.Now(); time.Since(start) < limit; {
		for range 8 {
			if !p.pending() {
				s.failures.Store(0)
				return true
			}
		}
	}
	s.failures.Add(1)
	return false
}
