// SPDX-License-Identifier: MIT

//go:build amd64 || arm64

package io_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/wefttest"
)

// A process of its own, to which the system says that it has no IPv6.
func TestAMachineWithoutIPv6(t *testing.T) {
	if !isChild(t, nil) {
		return
	}
	if err := forbidIPv6(); err != nil {
		t.Skip("the system cannot be had to refuse IPv6: seccomp: ", err)
	}
	_, err := net.Listen("tcp6", "[::1]:0")
	require.ErrorIs(t, err, syscall.EAFNOSUPPORT)
	port := bothFamilies(t)
	var all []row
	for _, n := range networks {
		for _, a := range []string{"", ":PORT", "localhost:PORT", "0.0.0.0:PORT", "[::]:PORT", "[::1]:PORT", "127.0.0.1:PORT", "[::ffff:127.0.0.1]:PORT"} {
			if a != "" {
				r := row{call: "Dial", network: n, host: strings.ReplaceAll(a, "PORT", port)}
				r.net = netOutcome(t, &r)
				all = append(all, r)
			}
			r := row{call: "Listen", network: n, host: strings.ReplaceAll(a, "PORT", "0")}
			r.net = netOutcome(t, &r)
			all = append(all, r)
		}
	}
	wefttest.Run(t, func(ctx context.Context) error {
		for _, r := range all {
			r.compare(t, weftOutcome(ctx, r))
		}
		for _, a := range []string{":0", "[::]:0"} {
			assert.Equal(t, result{Value: "0.0.0.0 from 127.0.0.1"}, weftOutcome(ctx, row{call: "Listen", network: "tcp", host: a}), a)
		}
		return nil
	})
}

const childProcess = "WEFT_TEST_CHILD"

// isChild reports whether this is the process that the test runs in. Elsewhere it starts that, and
// fails or is skipped as it is.
func isChild(t *testing.T, attr *syscall.SysProcAttr) bool {
	t.Helper()
	if os.Getenv(childProcess) == t.Name() {
		return true
	}
	child := exec.Command(os.Args[0], "-test.v", "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), childProcess+"="+t.Name())
	child.SysProcAttr = attr
	out, err := child.CombinedOutput()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		t.Skip("the system does not start such a process: ", err)
	}
	require.NoError(t, err, string(out))
	if strings.Contains(string(out), "--- SKIP") {
		t.Skip(string(out))
	}
	return false
}

// forbidIPv6 has the kernel refuse all threads of this process sockets of IPv6 from now on.
func forbidIPv6() error {
	const noNewPrivileges, setFilter, allThreads = 38, 1, 1
	const load, jumpIfEqual, returns = 0x20, 0x15, 0x06
	const number, firstArg, allow, refuse = 0, 16, 0x7fff0000, 0x00050000
	type instruction struct {
		code   uint16
		jt, jf uint8
		k      uint32
	}
	filter := []instruction{
		{load, 0, 0, number},
		{jumpIfEqual, 0, 3, syscall.SYS_SOCKET},
		{load, 0, 0, firstArg},
		{jumpIfEqual, 0, 1, syscall.AF_INET6},
		{returns, 0, 0, refuse | uint32(syscall.EAFNOSUPPORT)},
		{returns, 0, 0, allow},
	}
	program := struct {
		n     uint16
		first *instruction
	}{uint16(len(filter)), &filter[0]}
	seccomp := map[string]uintptr{"amd64": 317, "arm64": 277}[runtime.GOARCH]
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, noNewPrivileges, 1, 0, 0, 0, 0); e != 0 {
		return e
	}
	if _, _, e := syscall.RawSyscall(seccomp, setFilter, allThreads, uintptr(unsafe.Pointer(&program))); e != 0 {
		return e
	}
	return nil
}
