// SPDX-License-Identifier: MIT

package wefttest

import (
	"fmt"
	"strings"
	"testing"

	weftio "github.com/weft-go/weft/io"
)

// Option sets something about a test's loop: any weftio.Option does, and Allow.
type Option interface{ LoopOption() }

// allow is what Allow returns.
type allow []string

func (allow) LoopOption() {}

// Allow excepts from the checks of Run and Start everything whose report has one of the texts in it: a kind of resource
// ("timer"), a function's name ("main.poll"), a place ("poll.go:12"), an address, an error's text. What is allowed
// and does not come is no failure. An empty text, which every report has, panics.
func Allow(texts ...string) Option {
	for _, text := range texts {
		if text == "" {
			panic("wefttest: Allow: a text is empty: that would allow everything")
		}
	}
	return allow(texts)
}

// allows reports whether a report has one of the texts.
func (a allow) allows(report string) bool {
	for _, text := range a {
		if strings.Contains(report, text) {
			return true
		}
	}
	return false
}

// options sorts the options of a test's loop. Those of the test come last, and so are the ones that count.
func (l *loop) options(t testing.TB, opts []Option) []weftio.Option {
	_, bench := t.(*testing.B)
	all := []weftio.Option{
		weftio.TrackResources(!bench), // which would be measured too
		weftio.OnError(l.reports.onError),
		weftio.Watchdog(heldLimit, l.onHeld),
	}
	for _, o := range opts {
		switch o := o.(type) {
		case weftio.Option:
			all = append(all, o)
		case allow:
			l.allowed = append(l.allowed, o...)
		default:
			panic(fmt.Sprintf("wefttest: %T is no option of weftio's or wefttest's", o))
		}
	}
	return all
}
