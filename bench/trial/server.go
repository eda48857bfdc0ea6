// SPDX-License-Identifier: MIT

package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long a server may take to start, to collect, to accept.
const patience = 30 * time.Second

// server is a program under test.
type server struct {
	cmd   *exec.Cmd
	cpu   int // where it is pinned, or -1
	ports []int
	lines chan string // what it prints
}

// startServer starts a server and waits until it listens.
func startServer(command string, pinned bool) (*server, error) {
	s := &server{cmd: exec.Command("sh", "-c", "exec "+command), cpu: -1, lines: make(chan string)}
	s.cmd.Stderr = os.Stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	start := s.cmd.Start
	if pinned {
		s.cpu, start = serverCPU(), func() error { return startOn(serverCPU(), s.cmd) }
	}
	if err := start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(s.lines)
		for r := bufio.NewScanner(out); r.Scan(); {
			s.lines <- r.Text()
		}
	}()
	line, err := s.line()
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	for port := range strings.SplitSeq(line, ",") {
		n, err := strconv.Atoi(port)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("its first line is %q, not its ports", line), s.stop())
		}
		s.ports = append(s.ports, n)
	}
	return s, nil
}

// line returns the next line that the server prints.
func (s *server) line() (string, error) {
	select {
	case line, ok := <-s.lines:
		if !ok {
			return "", errors.New("the server ended")
		}
		return line, nil
	case <-time.After(patience):
		return "", errors.New("the server prints nothing")
	}
}

// stop ends the server, gently if it can be: it may have a profile to write.
func (s *server) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	kill := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer kill.Stop()
	var exit *exec.ExitError
	if err := s.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return err
	}
	return nil
}
