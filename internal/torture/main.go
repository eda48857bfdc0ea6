// SPDX-License-Identifier: MIT

package main

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	r := &run{report: os.Stdout, exit: os.Exit}
	flag.IntVar(&r.only, "round", -1, "the number of the round to repeat; -1: run all")
	flag.DurationVar(&r.limit, "limit", 20*time.Second, "how long a wait may take")
	procs := flag.Int("procs", 0, "GOMAXPROCS; 0: as it is")
	names := flag.String("jobs", "", "the names of the only jobs to do, separated by commas")
	flag.Parse()
	runtime.GOMAXPROCS(*procs)
	if err := r.configure(*names, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "torture:", err)
		os.Exit(2)
	}
	os.Exit(r.rounds())
}

// configure sets the jobs, the duration and the seed from the command line.
func (r *run) configure(names string, args []string) (err error) {
	r.duration, r.seed, r.jobs = 20*time.Second, rand.Uint64(), jobs
	if names != "" {
		if r.jobs, err = jobsNamed(strings.Split(names, ",")); err != nil {
			return err
		}
	}
	if len(args) > 0 {
		if r.duration, err = time.ParseDuration(args[0]); err != nil {
			return err
		}
	}
	if len(args) > 1 {
		if r.seed, err = strconv.ParseUint(args[1], 10, 64); err != nil {
			return err
		}
	}
	return nil
}
