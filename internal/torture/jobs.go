// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// job is something that a worker can do in a round.
type job struct {
	name  string
	do    func(w *worker)
	alone bool // it touches the whole process
}

// jobs are all there are.
var jobs = []job{
	{name: "wakes", do: wakes},
	{name: "settles", do: settles},
	{name: "families", do: families},
	{name: "streams", do: streams},
	{name: "writes", do: writes},
	{name: "accepts", do: accepts},
	{name: "dials", do: dials},
	{name: "hogs", do: hogs},
	{name: "floods", do: floods},
	{name: "servers", do: servers},
	{name: "starves", do: starves},
	{name: "shutdowns", do: shutdowns},
	{name: "nevers", do: nevers},
	{name: "ends", do: ends},
	{name: "shortages", do: shortages, alone: true},
}

// jobsNamed returns the jobs of these names.
func jobsNamed(names []string) (found []job, err error) {
	for _, name := range names {
		i := slices.IndexFunc(jobs, func(j job) bool { return j.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no job is named %q", name)
		}
		found = append(found, jobs[i])
	}
	return found, nil
}

// chooseJobs returns those of one round: a few, so that the loops sleep much of the time, or many.
func chooseJobs(rnd *rand.Rand, from []job) (chosen []job) {
	few := 1 + rnd.IntN(3)
	if rnd.IntN(4) == 0 {
		few = 4 + rnd.IntN(8)
	}
	for range few {
		j := from[rnd.IntN(len(from))]
		if j.alone {
			return []job{j}
		}
		chosen = append(chosen, j)
	}
	return chosen
}
