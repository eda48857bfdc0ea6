// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// sample is what one run of a case printed.
type sample []float64

// The places of a sample's numbers. A program may print only the first of them.
const (
	perOp = iota
	cpu
	allocs
	size
)

func parseSample(name, line string) (sample, error) {
	fields := strings.Split(line, "\t")
	if fields[0] != name || len(fields) < 2 {
		return nil, fmt.Errorf("asked for case %s, it printed %q", name, line)
	}
	var s sample
	for _, f := range fields[1:] {
		if f == "-" {
			s = append(s, math.NaN())
			continue
		}
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			return nil, err
		}
		s = append(s, v)
	}
	return s, nil
}

// summary is the median of some numbers, and half the distance of the extremes as a part of it.
type summary struct {
	median, spread float64
	ok             bool // there are numbers
}

func summarize(vs []float64) summary {
	vs = slices.DeleteFunc(slices.Clone(vs), math.IsNaN)
	if len(vs) == 0 {
		return summary{}
	}
	slices.Sort(vs)
	n := len(vs)
	median := (vs[(n-1)/2] + vs[n/2]) / 2
	s := summary{median: median, ok: true}
	if median != 0 {
		s.spread = (vs[n-1] - vs[0]) / 2 / median
	}
	return s
}

// at returns the samples' numbers at one place.
func at(place int, samples []sample) []float64 {
	var vs []float64
	for _, s := range samples {
		if place < len(s) {
			vs = append(vs, s[place])
		}
	}
	return vs
}

// ratios divides round by round: what slowed a whole round down cancels out. A base too small to be measured has none.
func ratios(as, bs []float64) []float64 {
	var vs []float64
	for i := range min(len(as), len(bs)) {
		if bs[i] != 0 {
			vs = append(vs, as[i]/bs[i])
		}
	}
	return vs
}

// differences subtracts round by round.
func differences(as, bs []float64) []float64 {
	var vs []float64
	for i := range min(len(as), len(bs)) {
		vs = append(vs, as[i]-bs[i])
	}
	return vs
}
