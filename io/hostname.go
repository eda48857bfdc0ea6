// SPDX-License-Identifier: MIT

package io

import "strings"

// isHostName reports whether a host that is no address may be a name. The system's resolver takes
// more: 127.1, 0177.0.0.1 and 0x7f000001 for 127.0.0.1, and on some machines "127.0.0.1 and more"
// too. Checks of addresses elsewhere in a program read these otherwise, so here, as in package net,
// they are nothing.
func isHostName(host string) bool {
	host = dots.Replace(host)
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	if ascii := strings.IndexFunc(host, beyondASCII) < 0; ascii && len(host) > 254 {
		return false
	}
	numbers := true
	for _, label := range labels {
		if label == "" || len(label) > 63 && strings.IndexFunc(label, beyondASCII) < 0 {
			return false
		}
		numbers = numbers && isNumber(label)
	}
	return !numbers && strings.IndexFunc(host, inNoHostName) < 0
}

// dots turns what libuv takes for a dot into one.
var dots = strings.NewReplacer("\u3002", ".", "\uff0e", ".", "\uff61", ".")

func beyondASCII(r rune) bool { return r > '~' }

// inNoHostName is what no name has. To some resolvers, "*" is this machine, and what follows a % a
// zone.
func inNoHostName(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(":%*", r) }

// isNumber reports whether a label is a number as C writes them.
func isNumber(label string) bool {
	label = strings.ToLower(label)
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		return strings.Trim(hex, "0123456789abcdef") == ""
	}
	return strings.Trim(label, "0123456789") == ""
}
