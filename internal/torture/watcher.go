// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"runtime"
	"sort"
	"strings"
	"sync"
	"time"
)

// watcher knows of every wait, and reports when one takes too long.
type watcher struct {
	limit time.Duration
	hung  func(dump string)

	mu    sync.Mutex
	waits map[*wait]struct{}
}

// wait is something that has to come to an end.
type wait struct {
	what  string
	since time.Time
}

func newWatcher(limit time.Duration, hung func(dump string)) *watcher {
	return &watcher{limit: limit, hung: hung, waits: map[*wait]struct{}{}}
}

// watch notes that a wait begins; over says that it has ended.
func (w *watcher) watch(what string) (over func()) {
	now := &wait{what: what, since: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits[now] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.waits, now)
	}
}

// start looks at the waits, on a goroutine of its own, until stop is called.
func (w *watcher) start() (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(w.limit / 20)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				w.look()
			}
		}
	}()
	return func() { close(end); <-ended }
}

// look reports a hang when the oldest wait is too old.
func (w *watcher) look() {
	w.mu.Lock()
	var all []*wait
	for x := range w.waits {
		all = append(all, x)
	}
	w.mu.Unlock()
	sort.Slice(all, func(i, j int) bool { return all[i].since.Before(all[j].since) })
	if len(all) == 0 || time.Since(all[0].since) < w.limit {
		return
	}
	var dump strings.Builder
	fmt.Fprintln(&dump, "these waits do not end:")
	for _, x := range all {
		fmt.Fprintf(&dump, "  %s, for %v\n", x.what, time.Since(x.since).Round(time.Millisecond))
	}
	dump.WriteString(stacks())
	w.hung(dump.String())
}

// stacks returns the stacks of all goroutines, up to a limit.
func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}
