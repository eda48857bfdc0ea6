// SPDX-License-Identifier: MIT

//go:build race

package promise_test

// many is how often a test repeats what has to stay flat; the race detector makes each round ten times as slow.
const many = 5_000

// programs is how many random programs are run beside the model.
const programs = 1_000
