// SPDX-License-Identifier: MIT

//go:build linux || windows

// Package slowdns replaces the process's getaddrinfo, for tests of a lookup that takes its time: looking up the name Host
// waits until Release is called.
package slowdns

// Host is the name whose lookup waits.
const Host = "slow.invalid"

// Entered returns once a lookup of Host runs.
func Entered() { waitEntered() }

// Release lets one lookup of Host go on.
func Release() { release() }
