// SPDX-License-Identifier: MIT

//go:build race

package facts

// The race detector makes everything ten times as slow.
const (
	million = 50_000
	rounds  = 1_000
)
