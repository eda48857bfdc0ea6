// SPDX-License-Identifier: MIT

//go:build !race

package promise_test

// many is how often a test repeats what has to stay flat.
const many = 100_000

// programs is how many random programs are run beside the model.
const programs = 4_000
