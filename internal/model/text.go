// SPDX-License-Identifier: MIT

package model

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// Both worlds say things in these words.

const (
	isPending      = "pending"
	isNothing      = "unit"
	wasCanceled    = "canceled"
	wasStdCanceled = "context canceled"
	wasTimeout     = "timeout"
	wasClosed      = "loop closed"
	wasDeadlock    = "would deadlock"
	wasGoexit      = "goexit"
	wasNil         = "nil promise"
)

func valueText(n int) string     { return fmt.Sprintf("v%d", n) }
func errorText(n int) string     { return fmt.Sprintf("e%d", n) }
func panicText(n int) string     { return fmt.Sprintf("panic %d", n) }
func canceledBy(e string) string { return short("canceled by " + e) }
func listText(l []string) string { return short("[" + strings.Join(l, " ") + "]") }

func joinText(errs []string) string { return short("{" + strings.Join(errs, " ") + "}") }

func fulfilledText(v string) string { return "value " + v }
func rejectedText(e string) string  { return "error " + e }

// short keeps texts that are nested without end readable.
func short(s string) string {
	if len(s) <= 60 {
		return s
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(s))
	return fmt.Sprintf("%s..%x", s[:40], h.Sum32())
}
