// SPDX-License-Identifier: MIT

package main

import (
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"unsafe"
)

// cpuSet says for each CPU whether a thread may run there, a bit each.
type cpuSet [16]uint64

// affinity calls sched_getaffinity or sched_setaffinity for this thread.
func affinity(call uintptr, set *cpuSet) error {
	if _, _, errno := syscall.RawSyscall(call, 0, unsafe.Sizeof(*set), uintptr(unsafe.Pointer(set))); errno != 0 {
		return errno
	}
	return nil
}

// allowed returns the CPUs that this process may use when it starts.
var allowed = func() (cpus []int) {
	var set cpuSet
	if err := affinity(syscall.SYS_SCHED_GETAFFINITY, &set); err != nil {
		return nil
	}
	for cpu := range len(set) * 64 {
		if set[cpu/64]>>(cpu%64)&1 != 0 {
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
	var before, one cpuSet
	if err := affinity(syscall.SYS_SCHED_GETAFFINITY, &before); err != nil {
		return err
	}
	one[cpu/64] = 1 << (cpu % 64)
	if err := affinity(syscall.SYS_SCHED_SETAFFINITY, &one); err != nil {
		return err
	}
	return errors.Join(cmd.Start(), affinity(syscall.SYS_SCHED_SETAFFINITY, &before))
}
