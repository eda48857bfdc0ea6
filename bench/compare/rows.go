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
	for _, c := range cases {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		shown := measured(len(columns), c, programs)
		width := len(c)
		for _, p := range programs {
			width = max(width, len(p.name()))
		}
		fmt.Fprintf(t, "%-*s\t", width, c)
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
			fmt.Fprintf(t, "%-*s\t", width, p.name())
			for _, i := range shown {
				vs := at(i, p.samples[c])
				s := summarize(vs)
				fmt.Fprintf(t, "%s\t", number(s))
				if i == 0 {
					fmt.Fprintf(t, "%s\t", percent(s))
				}
				if slices.Contains(ratioed, columns[i]) {
					r := summarize(ratios(vs, at(i, base.samples[c])))
					fmt.Fprintf(t, "%s\t%s\t", number(r), percent(r))
				}
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
