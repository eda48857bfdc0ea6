// SPDX-License-Identifier: MIT

//go:build unix

package io_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// descriptors bounds what this process may open, and takes what is left of it.
type descriptors struct {
	before syscall.Rlimit
	taken  []int
}

// scarce returns with so many descriptors left to open.
func scarce(t *testing.T, left int) *descriptors {
	t.Helper()
	d := &descriptors{}
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &d.before))
	few := d.before
	few.Cur = 256
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few))
	t.Cleanup(func() {
		d.free()
		require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &d.before))
	})
	d.take()
	for range left {
		_ = syscall.Close(d.taken[len(d.taken)-1])
		d.taken = d.taken[:len(d.taken)-1]
	}
	return d
}

// take opens files until that fails.
func (d *descriptors) take() {
	for {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return
		}
		d.taken = append(d.taken, fd)
	}
}

func (d *descriptors) free() {
	for _, fd := range d.taken {
		_ = syscall.Close(fd)
	}
	d.taken = nil
}

// sockets returns so many that have not connected yet, which takes no descriptor any more.
func sockets(t *testing.T, n int) []int {
	t.Helper()
	fds := make([]int, n)
	for i := range fds {
		fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
		require.NoError(t, err)
		t.Cleanup(func() { _ = syscall.Close(fd) })
		fds[i] = fd
	}
	return fds
}

func connectAll(t *testing.T, fds []int, ln *weftio.Listener) {
	t.Helper()
	for _, fd := range fds {
		require.NoError(t, syscall.Connect(fd, &syscall.SockaddrInet4{Port: ln.Port(), Addr: [4]byte{127, 0, 0, 1}}))
	}
}

// answers checks that the server serves somebody new.
func answers(t *testing.T, ctx context.Context, ln *weftio.Listener) {
	t.Helper()
	line, err := promise.Offload(ctx, func(context.Context) (string, error) {
		c, err := net.Dial("tcp", ln.String())
		if err != nil {
			return "", err
		}
		defer c.Close()
		_, _ = c.Write([]byte("still here\n"))
		return bufio.NewReader(c).ReadString('\n')
	}).Await(ctx)
	require.NoError(t, err)
	assert.Equal(t, "still here\n", line)
}

// echoes checks that a socket's server echoes.
func echoes(t *testing.T, ctx context.Context, fd int) {
	t.Helper()
	line, err := promise.Offload(ctx, func(context.Context) (string, error) {
		if _, err := syscall.Write(fd, []byte("x\n")); err != nil {
			return "", err
		}
		buf := make([]byte, 2)
		n, err := syscall.Read(fd, buf)
		return string(buf[:max(n, 0)]), err
	}).Await(ctx)
	assert.NoError(t, err)
	assert.Equal(t, "x\n", line)
}

func TestAServerOutlivesAWantOfDescriptors(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		failures := 0
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp4"), echo, weftio.OnConnError(func(c *weftio.Conn, err error) {
			if c == nil {
				assert.ErrorIs(t, err, syscall.EMFILE)
				failures++
			}
		}))
		answers(t, ctx, srv.Listener()) // whatever the first use opens is open
		clients := sockets(t, 20)
		d := scarce(t, 0)
		connectAll(t, clients, srv.Listener())
		// The system's own limit is reached: the server hears of it and backs off, and the loop goes on.
		for end := weftio.LoopFrom(ctx).Now() + 100*time.Millisecond; weftio.LoopFrom(ctx).Now() < end; {
			require.NoError(t, weftio.Sleep(ctx, time.Millisecond).Wait(ctx))
		}
		assert.LessOrEqual(t, failures, 10, "it backs off")
		assert.NotZero(t, failures, "it is told")
		d.free()
		answers(t, ctx, srv.Listener())
		for _, fd := range clients { // each of them was held back, and none reset
			echoes(t, ctx, fd)
			_ = syscall.Shutdown(fd, syscall.SHUT_WR)
		}
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

// TestAServerOutlivesAHungryThread has another thread take every descriptor that there is for a moment, also those that libuv closes
// to accept with.
func TestAServerOutlivesAHungryThread(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp4"), echo, weftio.OnConnError(func(*weftio.Conn, error) {}))
		answers(t, ctx, srv.Listener())
		clients := sockets(t, 20)
		d := scarce(t, 0)
		eaten := promise.Offload(ctx, func(context.Context) (int, error) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			for range 20_000 {
				d.take()
			}
			n := len(d.taken)
			d.free()
			return n, nil
		})
		connectAll(t, clients, srv.Listener())
		_, err := eaten.Await(ctx)
		require.NoError(t, err)
		answers(t, ctx, srv.Listener())
		for _, fd := range clients {
			_ = syscall.Shutdown(fd, syscall.SHUT_WR)
		}
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

func TestDialWithoutADescriptorIsAnErrorAndWorksLater(t *testing.T) {
	wefttest.Run(t, func(ctx context.Context) error {
		srv := weftio.Serve(ctx, listen(t, ctx, "tcp4"), echo)
		answers(t, ctx, srv.Listener())
		d := scarce(t, 0)
		_, err := weftio.Dial(ctx, "tcp4", srv.Listener().String()).Await(ctx)
		assert.ErrorIs(t, err, syscall.EMFILE)
		var op *net.OpError
		assert.ErrorAs(t, err, &op)
		d.free()
		answers(t, ctx, srv.Listener())
		return srv.Shutdown(ctx).Wait(ctx)
	})
}

// enoughDescriptors lets the process have n of them for the time of the test.
func enoughDescriptors(t *testing.T, want int) {
	t.Helper()
	n := uint64(want)
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before))
	if before.Cur >= n {
		return
	}
	if before.Max < n {
		t.Skipf("the hard limit of descriptors is %d, and this takes %d: ulimit -Hn", before.Max, n)
	}
	more := before
	more.Cur = before.Max
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &more))
	t.Cleanup(func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)) })
}
