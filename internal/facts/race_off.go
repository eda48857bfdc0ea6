// SPDX-License-Identifier: MIT

//go:build !race

package facts

const (
	million = 1_000_000 // how often a fact does what must not need more stack each time
	rounds  = 2_000     // how often it does what must not need more memory each time
)
