// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// machine is what has been used of all CPUs, up to some moment.
type machine struct {
	at           time.Time
	busy, server time.Duration
}

func machineNow(s *server) (machine, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return machine{}, err
	}
	first, _, _ := strings.Cut(string(stat), "\n")
	var user, nice, system, idle, wait, irq, softirq, steal int64
	if _, err := fmt.Sscanf(first, "cpu %d %d %d %d %d %d %d %d", &user, &nice, &system, &idle, &wait, &irq, &softirq, &steal); err != nil {
		return machine{}, fmt.Errorf("/proc/stat: %q: %w", first, err)
	}
	const tick = 10 * time.Millisecond // whatever the kernel's own is
	busy := time.Duration(user+nice+system+irq+softirq+steal) * tick
	used, err := cpuTime(s.cmd.Process.Pid)
	return machine{at: time.Now(), busy: busy, server: used}, err
}

// cpuTime is what all threads of a process have used.
func cpuTime(pid int) (time.Duration, error) {
	var t syscall.Timespec
	const whole = 2 // of a process: CPUCLOCK_SCHED, see clock_getcpuclockid
	_, _, errno := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, uintptr(^pid<<3|whole), uintptr(unsafe.Pointer(&t)), 0)
	if errno != 0 {
		return 0, errno
	}
	return time.Duration(t.Nano()), nil
}

// others returns how many CPUs neither the server nor the load used since some moment.
func (m machine) others(since machine, load time.Duration) float64 {
	used := m.busy - since.busy - (m.server - since.server) - load
	return max(0, used.Seconds()) / m.at.Sub(since.at).Seconds()
}
