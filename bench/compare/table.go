// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// printTable prints a row for each case: every program's cost, the first one's as a multiple of each other's, the same of its
// CPU time, with added what it adds to that, and its allocations.
func printTable(w io.Writer, unit string, added bool, cases []string, programs []*program) {
	subject, peers := programs[0], programs[1:]
	timed := unit == "ns"

	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	width := 0
	for _, c := range cases {
		width = max(width, len(c))
	}
	fmt.Fprintf(t, "%-*s\t", width, "case")
	for _, p := range programs {
		fmt.Fprintf(t, "%s %s\t±\t", p.name(), unit)
	}
	for _, p := range peers {
		fmt.Fprintf(t, "%s/%s\t", subject.name(), p.name())
	}
	if timed {
		for _, p := range peers {
			fmt.Fprintf(t, "CPU/%s\t", p.name())
			if added {
				fmt.Fprint(t, "added\t")
			}
		}
		fmt.Fprint(t, "allocs\tbytes\t")
	}
	fmt.Fprintln(t)

	for _, c := range cases {
		fmt.Fprintf(t, "%-*s\t", width, c)
		for _, p := range programs {
			s := summarize(at(perOp, p.samples[c]))
			fmt.Fprintf(t, "%s\t%s\t", number(s), percent(s))
		}
		printRatios(t, c, perOp, subject, peers)
		if timed {
			for _, p := range peers {
				printRatios(t, c, cpu, subject, []*program{p})
				if added {
					more := differences(at(cpu, subject.samples[c]), at(cpu, p.samples[c]))
					fmt.Fprintf(t, "%s\t", number(summarize(more)))
				}
			}
			for _, place := range []int{allocs, size} {
				fmt.Fprintf(t, "%s\t", number(summarize(at(place, subject.samples[c]))))
			}
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

func printRatios(w io.Writer, name string, place int, subject *program, peers []*program) {
	for _, p := range peers {
		r := summarize(ratios(at(place, subject.samples[name]), at(place, p.samples[name])))
		if r.ok {
			fmt.Fprintf(w, "%.2f\t", r.median)
		} else {
			fmt.Fprint(w, "-\t")
		}
	}
}

// number prints the median to three digits that count, or all of them before the point.
func number(s summary) string {
	switch v := math.Abs(s.median); {
	case !s.ok:
		return "-"
	case v == 0 || v >= 99.95:
		return fmt.Sprintf("%.0f", s.median)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", s.median)
	default:
		return fmt.Sprintf("%.2f", s.median)
	}
}

func percent(s summary) string {
	if !s.ok {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100*s.spread)
}
