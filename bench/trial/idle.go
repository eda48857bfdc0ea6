// SPDX-License-Identifier: MIT

package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// rehearsal is how many connections come and go before the first look at memory: what serving needs once is there then.
const rehearsal = 200

// idle opens connections that say nothing. The sample: bytes of the server's memory for each, and MiB of it all, before and
// after. What the system keeps for sockets is not counted.
func idle(s *server, c trialCase) (string, error) { return grown(s, c.conns, false) }

// idleAfterEcho opens connections that exchange a line each, once.
func idleAfterEcho(s *server, c trialCase) (string, error) { return grown(s, c.conns, true) }

func grown(s *server, n int, spoken bool) (string, error) {
	files, err := s.files()
	if err != nil {
		return "", err
	}
	conns, err := s.open(rehearsal, true)
	if err != nil {
		return "", err
	}
	for _, c := range conns {
		c.Close()
	}
	before, err := s.memory(func(now int) bool { return now < files+rehearsal/2 })
	if err != nil {
		return "", err
	}
	if conns, err = s.open(n, spoken); err != nil {
		return "", err
	}
	after, err := s.memory(func(now int) bool { return now >= files+n })
	if err != nil {
		return "", err
	}
	runtime.KeepAlive(conns) // until this program ends, after the server
	const mib = 1 << 20
	return fields((after-before)/float64(n), before/mib, after/mib), nil
}

// open connects to the server's first port. When spoken, a line goes there and back on each connection.
func (s *server) open(n int, spoken bool) ([]net.Conn, error) {
	const line = "hello\n"
	answer := make([]byte, len(line))
	conns := make([]net.Conn, n)
	for i := range conns {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.ports[0]))
		if err != nil {
			return nil, err
		}
		conns[i] = c
		if !spoken {
			continue
		}
		if _, err := io.WriteString(c, line); err != nil {
			return nil, err
		}
		if _, err := io.ReadFull(c, answer); err != nil {
			return nil, err
		}
		if string(answer) != line {
			return nil, fmt.Errorf("sent %q, got %q", line, answer)
		}
	}
	return conns, nil
}

// memory waits until the server has the right number of open files, has it collect, and returns its proportional set size:
// private pages, and its share of those that processes have in common.
func (s *server) memory(right func(files int) bool) (float64, error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		n, err := s.files()
		if err != nil {
			return 0, err
		}
		if right(n) {
			break
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("the server still has %d open files", n)
		}
	}
	time.Sleep(200 * time.Millisecond) // for what it does after accepting or closing
	if *collects {
		if err := s.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			return 0, err
		}
		if _, err := s.line(); err != nil {
			return 0, err
		}
	}
	return s.pss()
}

func (s *server) files() (int, error) {
	fds, err := os.ReadDir(s.proc("fd"))
	return len(fds), err
}

func (s *server) pss() (float64, error) {
	rollup, err := os.ReadFile(s.proc("smaps_rollup"))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(rollup)) {
		if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("%s does not tell", s.proc("smaps_rollup"))
}

func (s *server) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid), file)
}
