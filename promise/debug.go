// SPDX-License-Identifier: MIT

package promise

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync/atomic"
)

// debugging is whether promises remember where they were made.
var debugging atomic.Bool

func init() {
	on, _ := strconv.ParseBool(os.Getenv("WEFT_DEBUG"))
	debugging.Store(on)
}

// SetDebug turns debug mode on or off for promises made from now on; the environment variable WEFT_DEBUG=1 turns it on from
// the start. In debug mode a promise remembers where it was made, UnhandledError and Queue.Unsettled tell, and pending promises
// are kept from the collector. It costs about a microsecond and 300 bytes a promise. Safe from any goroutine.
func SetDebug(on bool) { debugging.Store(on) }

// Site is a place in the program: the innermost calls on a goroutine's stack.
type Site struct {
	pcs [16]uintptr
	n   int
}

// capture notes where the caller's caller was called.
func (s *Site) capture() { s.n = runtime.Callers(3, s.pcs[:]) }

// own are the packages whose calls a site leaves out, so that it begins with the user's.
var own = []string{
	"github.com/weft-go/weft/promise.", "github.com/weft-go/weft/promise/promisetest.",
	"github.com/weft-go/weft/io.", "github.com/weft-go/weft/uv.", "github.com/weft-go/weft/wefttest.",
	"runtime.", "iter.", "context.",
}

// isOwn reports whether a call is one that sites leave out. The packages' tests are users.
func isOwn(function, file string) bool {
	for _, prefix := range own {
		if strings.HasPrefix(function, prefix) {
			return !strings.HasSuffix(file, "_test.go")
		}
	}
	return false
}

// ofUser reports whether one of the calls is the user's.
func (s *Site) ofUser() bool {
	for _, pc := range s.pcs[:s.n] {
		if f := runtime.FuncForPC(pc - 1); f != nil {
			if file, _ := f.FileLine(pc - 1); !isOwn(f.Name(), file) {
				return true
			}
		}
	}
	return false
}

// String returns a line "function (file:line)" for each call that is not weft's or the runtime's, innermost first. It is empty for a
// nil Site.
func (s *Site) String() string {
	if s == nil || s.n == 0 {
		return ""
	}
	var lines []string
	frames := runtime.CallersFrames(s.pcs[:s.n])
	for more := true; more; {
		var f runtime.Frame
		if f, more = frames.Next(); f.Function != "" && !isOwn(f.Function, f.File) {
			lines = append(lines, fmt.Sprintf("%s (%s:%d)", f.Function, f.File, f.Line))
		}
	}
	return strings.Join(lines, "\n")
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// made counts p, a fresh pending promise with a loop, and notes where it was made. q is not locked.
func (p *Promise[T]) made() {
	p.q.made.Add(1)
	if !debugging.Load() {
		return
	}
	s := &Site{}
	s.capture()
	q := p.q
	q.lock()
	if q.sites == nil {
		q.sites = map[cell]*Site{}
	}
	q.sites[p] = s
	q.unlock()
}

// madeAt returns where p was made, nil when it was not in debug mode. q is locked if p has a loop.
func (p *Promise[T]) madeAt() *Site {
	if p.q == nil {
		return nil
	}
	return p.q.sites[p]
}

// Pending returns how many of the loop's promises have not settled, those that nobody holds any more included: 0 once the loop is
// closed. Safe from any goroutine.
func (q *Queue) Pending() int {
	q.lock()
	defer q.unlock()
	if q.closed.Load() {
		return 0
	}
	return int(q.made.Load() - q.settled)
}

// Unsettled returns where the loop's pending promises were made, a text of several lines for each, sorted: what never settles
// shows up there. It knows those made in debug mode only. Safe from any goroutine.
func (q *Queue) Unsettled() []string {
	q.lock()
	sites := make([]*Site, 0, len(q.sites))
	for _, s := range q.sites {
		sites = append(sites, s)
	}
	q.unlock()
	texts := make([]string, len(sites))
	for i, s := range sites {
		texts[i] = s.String()
	}
	sort.Strings(texts)
	return texts
}
