// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import "time"

// Metrics counts what a loop has done since it was made.
type Metrics struct {
	LoopCount     uint64 // iterations
	Events        uint64 // events that the system has reported
	EventsWaiting uint64 // of these, those that were there when the loop asked
}

// IdleTime returns how long the loop has waited for the system, 0 unless MetricsIdleTime was configured before it first ran,
// and 0 once it is closed. Safe from any goroutine. Binds uv_metrics_idle_time.
func (l *Loop) IdleTime() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shared == nil {
		return 0
	}
	return time.Duration(C.weft_metrics_idle_time(l.ptr))
}

// Metrics returns the loop's counters; ENOTSUP before libuv 1.45. Loop goroutine only. Binds uv_metrics_info.
func (l *Loop) Metrics() (Metrics, error) {
	if l.shared == nil {
		return Metrics{}, ErrClosed
	}
	var m C.weft_metrics
	if e := C.weft_metrics_info(l.ptr, &m); e != 0 {
		return Metrics{}, Errno(e)
	}
	return Metrics{uint64(m.loop_count), uint64(m.events), uint64(m.events_waiting)}, nil
}
