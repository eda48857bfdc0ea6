// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os/exec"

	"golang.org/x/sys/unix"
)

// allowed returns the CPUs that this process may use when it starts.
var allowed = func() (cpus []int) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return nil
	}
	for cpu := range len(set) * 64 {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}()

// serverCPU is where pinned servers run, or -1 when there is no CPU to spare for the load.
func serverCPU() int {
	if len(allowed) < 2 {
		return -1
	}
	return allowed[0]
}

// loadCPU is where their load runs.
func loadCPU() int {
	if len(allowed) < 2 {
		return -1
	}
	return allowed[1]
}

func placement() string {
	if serverCPU() < 0 {
		return "one CPU for servers and load: they take turns, and what a server costs includes that"
	}
	return fmt.Sprintf("servers on CPU %d, load on CPU %d", serverCPU(), loadCPU())
}

// startOn starts a command on one CPU, anywhere when that is negative. The caller is locked to its thread, which the command
// inherits its CPUs from.
func startOn(cpu int, cmd *exec.Cmd) error {
	if cpu < 0 {
		return cmd.Start()
	}
	var before, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	defer unix.SchedSetaffinity(0, &before)
	return cmd.Start()
}
