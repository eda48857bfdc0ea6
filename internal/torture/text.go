// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"fmt"
)

// text is an endless text of which each place can be told from the others: its lines are their own numbers. Two texts with other
// zeros have no digit in common.
type text struct {
	zero byte // the digit 0
	at   int  // how many bytes have been read
}

const lineLength = 10 // with its end

// from returns n bytes from the given place on.
func (t *text) from(at, n int) []byte {
	var b []byte
	for line := at / lineLength; len(b) < at%lineLength+n; line++ {
		for _, digit := range fmt.Appendf(nil, "%0*d", lineLength-1, line) {
			b = append(b, digit-'0'+t.zero)
		}
		b = append(b, '\n')
	}
	return b[at%lineLength:][:n]
}

// next checks bytes that were read, and returns what is wrong, "" if nothing is.
func (t *text) next(got []byte) string {
	want := t.from(t.at, len(got))
	t.at += len(got)
	if !bytes.Equal(got, want) {
		return fmt.Sprintf("at byte %d: read %q, not %q", t.at-len(got), clip(got), clip(want))
	}
	return ""
}

// line checks a line that was read, which may be the rest of one.
func (t *text) line(got string) string {
	if rest := lineLength - t.at%lineLength; len(got) != rest-1 {
		return fmt.Sprintf("at byte %d: read the line %q", t.at, clip([]byte(got)))
	}
	return t.next(append([]byte(got), '\n'))
}

func clip(b []byte) []byte { return b[:min(len(b), 40)] }
