// SPDX-License-Identifier: MIT

// Command compare runs programs that measure the same cases, interleaved, and prints one table: the first program beside each of
// the others.
//
//	compare [flags] program...
//
// A program prints what runs it when its argument is --version. With --case NAME --time DURATION it prints the case's
// name and numbers, separated by tabs: the cost of an operation, and optionally its CPU time, allocations and bytes. It
// prints nothing for a case that it does not have, and a dash for a number that it cannot tell.
//
// With -columns the numbers are what these names say, and each case has a table of its own, with a row for each program and
// ratios to the one that -base names.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	rounds := flag.Int("rounds", 5, "how often each program runs each case")
	atLeast := flag.String("time", "300ms", "what a program is told to measure for")
	unit := flag.String("unit", "ns", "what the first number counts")
	added := flag.Bool("added", false, "print what the first program adds to the others' CPU time")
	names := flag.String("cases", "", "the cases, separated by commas")
	columns := flag.String("columns", "", "names of the numbers, separated by commas")
	ratios := flag.String("ratios", "", "the columns whose ratios to the base are printed")
	base := flag.String("base", "", "the program that ratios are to; the first one without it")
	flag.Parse()
	if flag.NArg() == 0 || *names == "" || *rounds < 1 {
		flag.Usage()
		os.Exit(2)
	}
	cases := strings.Split(*names, ",")
	programs := make([]*program, flag.NArg())
	for i, path := range flag.Args() {
		programs[i] = &program{path: path, samples: map[string][]sample{}, bases: map[string][]sample{}}
		fmt.Printf("%s: %s\n", programs[i].name(), programs[i].run("--version"))
	}
	fmt.Printf("on %s, %d CPUs, %s/%s\n", processor(), runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	fmt.Printf("medians of %d rounds; ± is half of what lies between the extremes; ratios are the rounds' own\n\n", *rounds)
	to := find(programs, *base)
	for range *rounds {
		for _, c := range cases {
			for _, p := range programs {
				if *columns != "" && p != to && time.Since(to.measured) > fresh {
					to.measure(c, *atLeast, to)
				}
				p.measure(c, *atLeast, to)
			}
		}
	}
	if *columns == "" {
		printTable(os.Stdout, *unit, *added, cases, programs)
		return
	}
	printRows(os.Stdout, strings.Split(*columns, ","), strings.Split(*ratios, ","), to, cases, programs)
}

// fresh is how old the base's last sample may be when another program is measured beside it. A round of many programs takes
// long, and a shared machine is another one then.
const fresh = 4 * time.Second

// program is one column of the table, or one row.
type program struct {
	path    string
	samples map[string][]sample // by case, one for each round; of the base sometimes more
	bases   map[string][]sample // the base's last sample when each of those was taken

	measured time.Time // when it last was
}

// find returns the program with a name, the first one when the name is empty.
func find(programs []*program, name string) *program {
	for _, p := range programs {
		if p.name() == name || name == "" {
			return p
		}
	}
	log.Fatalf("no program is called %q", name)
	return nil
}

func (p *program) name() string { return filepath.Base(p.path) }

func (p *program) measure(name, atLeast string, base *program) {
	out := p.run("--case", name, "--time", atLeast)
	if out == "" {
		return
	}
	s, err := parseSample(name, out)
	if err != nil {
		log.Fatalf("%s: %v", p.name(), err)
	}
	p.measured = time.Now()
	p.samples[name] = append(p.samples[name], s)
	if last := len(base.samples[name]) - 1; last >= 0 {
		p.bases[name] = append(p.bases[name], base.samples[name][last])
	}
}

// run returns what the program prints.
func (p *program) run(args ...string) string {
	cmd := exec.Command(p.path, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		log.Fatalf("%s %s: %v", p.name(), strings.Join(args, " "), err)
	}
	return string(bytes.TrimSpace(out))
}

// processor names the machine's, where the system tells.
func processor() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "a processor that does not say its name"
}
