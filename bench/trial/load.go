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
// user and system part of it, requests a second, CPUs that the server and its load used, instructions for a request.
func underLoad(s *server, c trialCase) (string, error) {
	// A load for each port: a loop of the server never waits for what another one has not done yet.
	loads := make([]*load, len(s.ports))
	for i, port := range s.ports {
		l, err := startLoad(s, port, c.conns/len(s.ports), c.pinned)
		if err != nil {
			return "", err
		}
		loads[i] = l
	}
	var rate, used float64
	for _, l := range loads {
		if err := l.wait(); err != nil {
			return "", err
		}
		rate += l.requests / l.wall
		used += l.cpu / l.wall
	}
	m := loads[0] // each saw all of the server
	busy := m.serverCPU / m.wall
	perRequest := busy / rate
	user, system, instructions := -1.0, -1.0, -1.0
	if m.serverUser >= 0 {
		user = perRequest * m.serverUser / m.serverCPU
		system = perRequest - user
	}
	if m.instructions >= 0 {
		instructions = m.instructions / m.wall / rate
	}
	return fields(perRequest*1e6, user*1e6, system*1e6, rate, busy, used, instructions), nil
}

// load is a running load, and then what it measured; times are in seconds.
type load struct {
	cmd *exec.Cmd
	out bytes.Buffer

	requests, wall, serverCPU, serverUser, cpu, instructions float64
}

func startLoad(s *server, port, conns int, pinned bool) (*load, error) {
	measure := max(*duration, time.Millisecond)
	warm := max(measure/3, min(measure, 300*time.Millisecond))
	l := &load{}
	l.cmd = exec.Command(*loadPath, strconv.Itoa(s.cmd.Process.Pid), strconv.Itoa(s.cpu), strconv.Itoa(port),
		strconv.Itoa(conns), strconv.FormatInt(warm.Milliseconds(), 10), strconv.FormatInt(measure.Milliseconds(), 10))
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
