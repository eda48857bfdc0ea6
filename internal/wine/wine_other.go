// SPDX-License-Identifier: MIT

//go:build !windows

package wine

// Running reports whether this is Wine.
func Running() bool { return false }
