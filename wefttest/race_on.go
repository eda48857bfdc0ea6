// SPDX-License-Identifier: MIT

//go:build race

package wefttest

import "time"

// RaceDetector says whether the test was built with the race detector, under which allocations mean nothing.
const RaceDetector = true

// heldLimit is how long code that blocks may hold a test's loop: the race detector slows everything down.
const heldLimit = 500 * time.Millisecond
