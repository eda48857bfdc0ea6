// SPDX-License-Identifier: MIT

//go:build !windows

package wine

func running() bool { return false }
