// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// printRows prints a table for each case: a row for each program, with the spread of the first column's numbers and the
// ratios of some columns to the base program's. Columns that nothing could be measured for are named and left out.
func printRows(w io.Writer, columns, ratioed []string, base *program, cases []string, programs []*program) {
	width := 0
	for _, p := range programs {
		width = max(width, len(p.name()))
	}
	for _, c := range cases {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		shown := measured(len(columns), c, programs)
		fmt.Fprintf(t, "%-*s\t", max(width, len(c)), c)
		for _, i := range shown {
			fmt.Fprintf(t, "%s\t", columns[i])
			if i == 0 {
				fmt.Fprint(t, "±\t")
			}
			if slices.Contains(ratioed, columns[i]) {
				fmt.Fprintf(t, "/%s\t±\t", base.name())
			}
		}
		fmt.Fprintln(t)
		for _, p := range programs {
			fmt.Fprintf(t, "%-*s\t", max(width, len(c)), p.name())
			for _, i := range shown {
				p.printCell(t, c, i, slices.Contains(ratioed, columns[i]))
			}
			fmt.Fprintln(t)
		}
		t.Flush()
		for i, name := range columns {
			if !slices.Contains(shown, i) {
				fmt.Fprintf(w, "this machine does not tell: %s\n", name)
			}
		}
		fmt.Fprintln(w)
	}
}

// printCell prints the numbers at one place: their median, of the first ones the spread too, and the ratio to the base.
func (p *program) printCell(w io.Writer, name string, place int, ratioed bool) {
	vs := at(place, p.samples[name])
	s := summarize(vs)
	fmt.Fprintf(w, "%s\t", number(s))
	if place == 0 {
		fmt.Fprintf(w, "%s\t", percent(s))
	}
	if ratioed {
		r := summarize(ratios(vs, at(place, p.bases[name])))
		fmt.Fprintf(w, "%s\t%s\t", number(r), percent(r))
	}
}

// measured returns the columns that some program has numbers for.
func measured(columns int, name string, programs []*program) (shown []int) {
	for i := range columns {
		for _, p := range programs {
			if summarize(at(i, p.samples[name])).ok {
				shown = append(shown, i)
				break
			}
		}
	}
	return shown
}
