// SPDX-License-Identifier: MIT

//go:build cgo

package uv

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
)

// debugging is whether handles and loops remember where they were made.
var debugging atomic.Bool

func init() {
	on, _ := strconv.ParseBool(os.Getenv("WEFT_DEBUG"))
	debugging.Store(on)
}

// SetDebug turns debug mode on or off for handles and loops made from now on; the environment variable WEFT_DEBUG=1 turns
// it on from the start. In debug mode Walk and Dump say where a handle was made. It costs about a microsecond a
// handle. Safe from any goroutine.
func SetDebug(on bool) { debugging.Store(on) }

// origin is where something was made: the innermost calls on its goroutine's stack.
type origin struct {
	pcs [16]uintptr
	n   int
}

// here returns the stack of whoever called package uv, nil unless in debug mode.
func here() *origin {
	if !debugging.Load() {
		return nil
	}
	o := &origin{}
	o.n = runtime.Callers(2, o.pcs[:])
	return o
}

// String returns a line "function (file:line)" for each call that is not this package's or package io's, innermost first.
func (o *origin) String() string {
	if o == nil {
		return ""
	}
	var lines []string
	frames := runtime.CallersFrames(o.pcs[:o.n])
	for more := true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.Function == "" || strings.HasPrefix(f.Function, "github.com/weft-go/weft/uv.") || strings.HasPrefix(f.Function, "github.com/weft-go/weft/io.") || strings.HasPrefix(f.Function, "runtime.") {
			continue
		}
		lines = append(lines, fmt.Sprintf("%s (%s:%d)", f.Function, f.File, f.Line))
	}
	return strings.Join(lines, "\n")
}
