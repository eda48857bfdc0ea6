// SPDX-License-Identifier: MIT

//go:build race

package wefttest

// RaceDetector says whether the test was built with the race detector, under which allocations mean nothing.
const RaceDetector = true
