// SPDX-License-Identifier: MIT

package promise

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// logged is what this process has written to the log of unhandled errors.
var logged reports

// reports keeps a log from filling with one report, over and over: of those that say the same only so many a second are written, and the
// first one of a later second says how many were not. What errors say of addresses makes no difference.
type reports struct {
	mu    sync.Mutex
	kinds map[string]*kind
}

// kind is what is known of the reports that say the same.
type kind struct {
	since   time.Time // the second that counts began with it
	written int       // in that second
	left    int       // not written since the last one that was
}

const (
	sameReports  = 20   // of a kind, a second
	reportKinds  = 1000 // that are remembered
	reportPeriod = time.Second
)

// error logs err, unless there were too many like it.
func (r *reports) error(text string, err error) {
	left, ok := r.admit(kindOf(err), time.Now())
	switch {
	case !ok:
	case left > 0:
		slog.Error(text, "error", err, "like it and left out", left)
	default:
		slog.Error(text, "error", err)
	}
}

// admit reports whether one more of a kind is to be written, and how many were not since the last one.
func (r *reports) admit(what string, now time.Time) (left int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.kinds[what]
	if k == nil {
		if r.kinds == nil || len(r.kinds) >= reportKinds {
			r.kinds = map[string]*kind{}
		}
		k = &kind{since: now}
		r.kinds[what] = k
	}
	if now.Sub(k.since) >= reportPeriod {
		k.since, k.written = now, 0
	}
	if k.written >= sameReports {
		k.left++
		return 0, false
	}
	left = k.left
	k.written, k.left = k.written+1, 0
	return left, true
}

// kindOf is what reports that say the same have in common: where it was rejected, and the error at the bottom.
func kindOf(err error) string {
	where := ""
	var u *UnhandledError
	if errors.As(err, &u) {
		where = u.Rejected
	}
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return where + "\n" + err.Error()
}
