// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// underLoad has connections exchange messages with the server. The sample: microseconds of CPU for a request, the server's
// user and system part of it; requests a second; CPUs that the server, its load and other programs used; instructions
// for a request.
func underLoad(s *server, c trialCase) (string, error) {
	r, err := measure(s, c)
	return fields(r.perRequest*1e6, r.user*1e6, r.system*1e6, r.rate, r.server, r.load, r.others, r.instructions), err
}

// hashing does the same with a server whose loops want a CPU each. On a machine that has none to spare they get what the
// load and others leave. The last number of the sample is how many requests a second they would do with what those took.
func hashing(s *server, c trialCase) (string, error) {
	r, err := measure(s, c)
	alone := min(float64(len(s.ports)), r.server+r.load+r.others) / r.perRequest
	return fields(r.perRequest*1e6, r.user*1e6, r.system*1e6, r.rate, r.server, r.load, r.others, alone), err
}

// result is what a load found out about a server. Times of a request are in seconds, the use of CPU in CPUs.
type result struct {
	rate                                   float64
	perRequest, user, system, instructions float64
	server, load, others                   float64
}

func measure(s *server, c trialCase) (r result, err error) {
	before, err := machineNow(s)
	if err != nil {
		return r, err
	}
	// A load for each port: a loop of the server never waits for what another one has not done yet.
	loads := make([]*load, len(s.ports))
	for i, port := range s.ports {
		if loads[i], err = startLoad(s, port, c.conns/len(s.ports), c.pinned); err != nil {
			return r, err
		}
	}
	var all time.Duration
	for _, l := range loads {
		if err := l.wait(); err != nil {
			return r, err
		}
		r.rate += l.requests / l.wall
		r.load += l.cpu / l.wall
		all += l.cmd.ProcessState.UserTime() + l.cmd.ProcessState.SystemTime()
	}
	after, err := machineNow(s)
	if err != nil {
		return r, err
	}
	r.others = after.others(before, all)
	m := loads[0] // each saw all of the server
	r.server = m.serverCPU / m.wall
	r.perRequest, r.user, r.system, r.instructions = r.server/r.rate, -1, -1, -1
	if m.serverUser >= 0 {
		r.user = r.perRequest * m.serverUser / m.serverCPU
		r.system = r.perRequest - r.user
	}
	if m.instructions >= 0 {
		r.instructions = m.instructions / m.wall / r.rate
	}
	return r, nil
}

// load is a running load, and then what it measured; times are in seconds.
type load struct {
	cmd *exec.Cmd
	out bytes.Buffer

	requests, wall, serverCPU, serverUser, cpu, instructions float64
}

func startLoad(s *server, port, conns int, pinned bool) (*load, error) {
	wanted := max(*duration, time.Millisecond)
	warm := max(wanted/3, min(wanted, 300*time.Millisecond))
	l := &load{}
	l.cmd = exec.Command(*loadPath, strconv.Itoa(s.cmd.Process.Pid), strconv.Itoa(s.cpu), strconv.Itoa(port),
		strconv.Itoa(conns), strconv.FormatInt(warm.Milliseconds(), 10), strconv.FormatInt(wanted.Milliseconds(), 10))
	l.cmd.Stdout, l.cmd.Stderr = &l.out, os.Stderr
	cpu := -1
	if pinned {
		cpu = loadCPU()
	}
	return l, startOn(cpu, l.cmd)
}

func (l *load) wait() error {
	if err := l.cmd.Wait(); err != nil {
		return err
	}
	n, err := fmt.Sscan(l.out.String(), &l.requests, &l.wall, &l.serverCPU, &l.serverUser, &l.cpu, &l.instructions)
	if err != nil {
		return fmt.Errorf("the load printed %q, of which %d are numbers: %w", l.out.String(), n, err)
	}
	for _, t := range []*float64{&l.wall, &l.serverCPU, &l.serverUser, &l.cpu} {
		*t /= 1e9
	}
	return nil
}
