// SPDX-License-Identifier: MIT

package uvtest

import (
	"net"
	"os"
	"sync"
	"syscall"
	"testing"

	"github.com/weft-go/weft/uv"
)

// descriptors returns the process's open file descriptors and what they lead to.
func descriptors(t testing.TB) map[string]string {
	t.Helper()
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	open := map[string]string{}
	for _, e := range entries {
		if to, err := os.Readlink(dir + "/" + e.Name()); err == nil { // that of ReadDir itself is gone
			open[e.Name()] = to
		}
	}
	return open
}

var warm sync.Once

// warmUp opens what a process opens once and keeps: libuv's with the first loop, the guard's with the first signal, the Go runtime's with the first socket.
func warmUp(t testing.TB) {
	t.Helper()
	warm.Do(func() {
		l, err := uv.NewLoop()
		if err == nil {
			err = watchOnce(l)
		}
		if err == nil {
			err = l.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err == nil {
			err = ln.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

func watchOnce(l *uv.Loop) error {
	s, err := uv.NewSignal(l)
	if err != nil {
		return err
	}
	if err := s.Start(syscall.SIGCHLD, uv.CompleterFunc(func(uv.Event) {})); err != nil {
		return err
	}
	if err := s.Close(nil); err != nil {
		return err
	}
	return l.Run(uv.RunDefault)
}
