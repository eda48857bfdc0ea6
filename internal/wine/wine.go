// SPDX-License-Identifier: MIT

// Package wine is for tests of Windows programs that Wine runs.
package wine

import "testing"

// Skip skips the test under Wine, and nowhere else. limit says what Wine lacks.
func Skip(t testing.TB, limit string) {
	t.Helper()
	if Running() {
		t.Skip(limit)
	}
}
