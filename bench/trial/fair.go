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

// beside has a few connections send at full speed while many others ping. The sample: the 99th percentile, the median and the longest of
// the pings' times in microseconds, how many had no answer, pings a second, and the senders' MiB a second.
func beside(senders int) func(*server, trialCase) (string, error) {
	return func(s *server, c trialCase) (string, error) {
		wanted := max(*duration, 300*time.Millisecond)
		cmd := exec.Command(*pingsPath, strconv.Itoa(s.ports[0]), strconv.Itoa(senders), strconv.Itoa(c.conns),
			strconv.FormatInt(wanted.Milliseconds(), 10))
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, os.Stderr
		if err := startOn(loadCPU(), cmd); err != nil {
			return "", err
		}
		if err := cmd.Wait(); err != nil {
			return "", err
		}
		var median, p99, longest, lost, rate, speed float64
		if _, err := fmt.Sscan(out.String(), &median, &p99, &longest, &lost, &rate, &speed); err != nil {
			return "", fmt.Errorf("the pings printed %q: %w", out.String(), err)
		}
		return fields(p99, median, longest, lost, rate, speed), nil
	}
}
