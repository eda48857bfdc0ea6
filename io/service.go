// SPDX-License-Identifier: MIT

package io

import (
	"net"
	"strconv"
	"strings"
)

// portOf reads a service that is a number, or the name of one that every machine knows, as package
// net does: it may have a sign and zeros in front, and an empty one is 0. known is false for a name
// that the system has to look up. What cannot be a service is an error.
func portOf(network, service string) (port uint16, known bool, err error) {
	if p, ok := wellKnown[strings.ToLower(service)]; ok {
		return p, true, nil
	}
	digits := service
	if digits != "" && strings.Contains("+-", digits[:1]) {
		digits = digits[1:]
	}
	if strings.Trim(digits, "0123456789") != "" {
		return 0, false, checkService(network, service)
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" {
		return 0, true, nil
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	if err != nil || service[0] == '-' {
		return 0, false, &net.AddrError{Err: "invalid port: it must be 0 to 65535", Addr: service}
	}
	return uint16(n), true, nil
}

// checkService refuses names with bytes that no name has. Some systems' resolvers pass over blanks
// in front of a number.
func checkService(network, service string) error {
	for i := range len(service) {
		if c := service[i]; c <= ' ' || c > '~' {
			return unknownPort(network, service)
		}
	}
	return nil
}

func unknownPort(network, service string) *net.DNSError {
	return &net.DNSError{Err: "unknown port", Name: network + "/" + service, IsNotFound: true}
}

// wellKnown has the services that package net knows on machines that have no list of them, as small
// containers have none.
var wellKnown = map[string]uint16{
	"domain": 53, "ftp": 21, "ftps": 990, "gopher": 70, "http": 80, "https": 443, "imap2": 143, "imap3": 220, "imaps": 993,
	"pop3": 110, "pop3s": 995, "smtp": 25, "submissions": 465, "ssh": 22, "telnet": 23,
}
