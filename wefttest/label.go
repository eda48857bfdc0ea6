// SPDX-License-Identifier: MIT

package wefttest

import (
	"bytes"
	"context"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// label marks goroutines: whatever a marked one starts is marked too, so that tests which run side by side can tell theirs.
type label string

const labelKey = "wefttest"

var labels atomic.Int64

func newLabel(test string) label {
	return label(test + "#" + strconv.FormatInt(labels.Add(1), 10))
}

// do calls f on a marked goroutine.
func (l label) do(f func()) {
	pprof.Do(context.Background(), pprof.Labels(labelKey, string(l)), func(context.Context) { f() })
}

// stacks returns where the marked goroutines are, as a goroutine profile has it, those apart that run no code of weft's: the test's
// own business.
func (l label) stacks() string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return err.Error() // not reached: a buffer takes everything
	}
	mark := strconv.Quote(labelKey) + ":" + strconv.Quote(string(l))
	var mine []string
	for _, g := range strings.Split(profile.String(), "\n\n") {
		if strings.Contains(g, mark) && strings.Contains(g, "github.com/weft-go/weft/") {
			mine = append(mine, g)
		}
	}
	return strings.Join(mine, "\n\n")
}

// wait returns what stacks does once that is nothing, or when patience has run out.
func (l label) wait(patience time.Duration) string {
	deadline := time.Now().Add(patience)
	for {
		left := l.stacks()
		if left == "" || time.Now().After(deadline) {
			return left
		}
		time.Sleep(time.Millisecond)
	}
}
