// SPDX-License-Identifier: MIT

//go:build race

package promise_test

// many is how often a test repeats what has to stay flat; the race detector makes each round ten times as slow.
const many = 5_000
