// SPDX-License-Identifier: MIT

//go:build !race

package wefttest

import "time"

// RaceDetector says whether the test was built with the race detector, under which allocations mean nothing.
const RaceDetector = false

// heldLimit is how long code that blocks may hold a test's loop.
const heldLimit = 250 * time.Millisecond
