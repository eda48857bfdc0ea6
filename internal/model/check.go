// SPDX-License-Identifier: MIT

package model

import (
	"fmt"
	"strings"
)

// schedules is how many orders of what the rules leave open are tried before the library is said to be wrong.
const schedules = 60

// Check runs p on the library and on the model. It returns the first difference, "" when there is none.
func Check(p Program) string {
	lib := newLibrary(p)
	is := lib.run.play()
	difference := ""
	for seed := range uint64(schedules) {
		m := newInterpreter(p, lib.picked, seed)
		d := is.differs(m.run.play(), p)
		if d == "" {
			return ""
		}
		if difference == "" {
			difference = d
		}
		if !m.chose { // nothing was left open
			break
		}
	}
	return difference
}

// differs tells the first difference between what is and what should be.
func (is *history) differs(should *history, p Program) string {
	own := p.inner(none)
	for k := range is.moments {
		when := "at the end"
		if k < len(own) {
			when = fmt.Sprintf("after step %d", own[k])
		}
		a, b := is.moments[k], should.moments[k]
		if d := differentLogs(is, should, a, b); d != "" {
			return when + d
		}
		for n := range a.state {
			if a.state[n] != b.state[n] {
				return fmt.Sprintf("%s p%d is %q, should be %q", when, n, a.state[n], b.state[n])
			}
		}
	}
	return ""
}

func differentLogs(is, should *history, a, b moment) string {
	for l := range is.log {
		said, meant := is.log[l][:a.said[l]], should.log[l][:b.said[l]]
		for i := range max(len(said), len(meant)) {
			if x, y := at(said, i), at(meant, i); x != y {
				return fmt.Sprintf(" callback %d of loop %d said %q, should say %q; before it:\n\t%s", i, l, x, y,
					strings.Join(said[:min(i, len(said))], "\n\t"))
			}
		}
	}
	return ""
}

func at(texts []string, i int) string {
	if i < len(texts) {
		return texts[i]
	}
	return "nothing"
}
