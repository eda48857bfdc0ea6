// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv/uvtest"
)

// stormEnv sets how many loops the storm has. CI has a tenth of what is run by hand.
const stormEnv = "WEFT_STORM_LOOPS"

func stormLoops(t *testing.T) int {
	if n, err := strconv.Atoi(os.Getenv(stormEnv)); err == nil {
		return n
	}
	if hosted {
		return mass(300)
	}
	return mass(2000)
}

// A loop is closed at any moment while four goroutines ask it for all kinds of work.
func TestLoopsThatCloseAmidWorkLeaveNothing(t *testing.T) {
	address := hangUp(t)
	require.NoError(t, closeAmidWork(1<<32, address)) // what stays in the process is there then
	uvtest.NoLeaks(t)
	before := runtime.NumGoroutine()
	n := stormLoops(t)
	seeds := make(chan uint64)
	failed := make(chan error, n)
	var wg sync.WaitGroup
	for range 20 { // loops at a time
		wg.Go(func() {
			for seed := range seeds {
				if err := closeAmidWork(seed, address); err != nil {
					failed <- fmt.Errorf("seed %d: %w", seed, err)
				}
			}
		})
	}
	for seed := range uint64(n) {
		seeds <- seed
	}
	close(seeds)
	wg.Wait()
	close(failed)
	var errs []error
	for err := range failed {
		errs = append(errs, err)
	}
	assert.NoError(t, errors.Join(errs...))
	for end := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			var stacks strings.Builder
			_ = pprof.Lookup("goroutine").WriteTo(&stacks, 1)
			t.Fatalf("there were %d goroutines, and are:\n%s", before, stacks.String())
		}
	}
}

// hangUp listens with package net, and resets what connects: so ports do not run out.
func hangUp(t *testing.T) (address string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("good bye\n"))
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = ln.Close(); <-ended })
	return ln.Addr().String()
}

// startLoop starts an owned loop, or one on a host.
func startLoop(opts ...weftio.Option) (l *weftio.Loop, err error) {
	if hosted {
		l, _, err = startOnHost(opts...)
		return l, err
	}
	return weftio.Start(opts...)
}

func closeAmidWork(seed uint64, address string) error {
	l, err := startLoop(weftio.OnError(func(error) {}), weftio.Watchdog(0, nil), weftio.Grace(30*time.Second))
	if err != nil {
		return err
	}
	a := &asking{l: l, address: address}
	var wg sync.WaitGroup
	for i := range uint64(4) {
		wg.Go(func() { a.ask(rand.New(rand.NewPCG(seed, i))) })
	}
	time.Sleep(time.Duration(rand.New(rand.NewPCG(seed, 4)).IntN(6000)) * time.Microsecond)
	var ends [2]error
	for i := range ends {
		wg.Go(func() { ends[i] = closeLoop(l) })
	}
	wg.Wait()
	if err := errors.Join(ends[:]...); err != nil {
		return err
	}
	return a.check()
}

// asking is what the goroutines ask of one loop, and what becomes of it.
type asking struct {
	l       *weftio.Loop
	address string

	posted, ran atomic.Int64 // Posts taken, and run
	after       atomic.Int64 // functions of Do that ran although that was refused

	mu  sync.Mutex
	all []promise.Awaitable
}

// ask asks for one thing after the other until the loop refuses.
func (a *asking) ask(rnd *rand.Rand) {
	ctx, cancel := context.WithCancel(a.l.Context(context.Background()))
	defer cancel()
	for over := false; !over; {
		p := a.one(ctx, rnd)
		a.mu.Lock()
		a.all = append(a.all, p)
		a.mu.Unlock()
		if rnd.IntN(2) == 0 {
			over = errors.Is(p.Wait(ctx), promise.ErrLoopClosed)
		} else {
			runtime.Gosched()
			over = a.l.Post(func() { a.ran.Add(1) }) != nil
			if !over {
				a.posted.Add(1)
			}
		}
	}
}

// one asks for one thing.
func (a *asking) one(ctx context.Context, rnd *rand.Rand) promise.Awaitable {
	short := time.Duration(rnd.IntN(500)) * time.Microsecond
	switch rnd.IntN(12) {
	case 0:
		return weftio.Dial(ctx, "tcp", a.address)
	case 1:
		return weftio.WithConn(ctx, "tcp", a.address, func(ctx context.Context, c *weftio.Conn) (string, error) {
			c.WriteLine("hello")
			return c.ReadLine().Await(ctx)
		})
	case 2:
		return promise.Bind(weftio.Dial(ctx, "tcp", a.address), func(c *weftio.Conn) *promise.Promise[promise.Unit] {
			c.Write(make([]byte, 1000))
			return c.Close()
		})
	case 3:
		return weftio.Listen(ctx, "tcp", "127.0.0.1:0")
	case 4:
		return promise.Bind(weftio.Listen(ctx, "tcp", "127.0.0.1:0"), func(ln *weftio.Listener) *promise.Promise[*weftio.Conn] {
			weftio.Dial(ctx, "tcp", ln.String()).OnSettle(func(*weftio.Conn, error) { ln.Close() })
			return ln.Accept()
		})
	case 5:
		return weftio.LookupHost(ctx, "localhost")
	case 6:
		return promise.Spawn(ctx, func(ctx context.Context) (int, error) {
			return 1, weftio.Sleep(ctx, short).Wait(ctx)
		})
	case 7:
		return promise.Offload(ctx, func(ctx context.Context) (int, error) {
			return promise.OnLoop(ctx, func(context.Context) (int, error) { return 1, nil })
		})
	case 8:
		return weftio.WithTimeout(ctx, short, weftio.Sleep(ctx, time.Hour))
	case 9:
		return promise.Pause(ctx)
	case 10:
		return promise.From(promise.Unit{}, a.do(ctx))
	default:
		p, _ := weftio.FromC[int64](ctx)
		return weftio.WithTimeout(ctx, short, p)
	}
}

// do has a function run on the loop.
func (a *asking) do(ctx context.Context) error {
	var returned, ran atomic.Bool
	err := a.l.Do(ctx, func() {
		if ran.Store(true); returned.Load() {
			a.after.Add(1)
		}
	})
	if returned.Store(true); err == nil && !ran.Load() {
		return errors.New("Do has not run its function")
	}
	return err
}

// check looks at a loop that was closed without an error.
func (a *asking) check() error {
	var errs []error
	for _, p := range a.all {
		if p.Wait(expired) == errExpired {
			errs = append(errs, fmt.Errorf("%T is pending", p))
		}
	}
	if posted, ran := a.posted.Load(), a.ran.Load(); posted != ran {
		errs = append(errs, fmt.Errorf("Post took %d functions, and %d ran", posted, ran))
	}
	if n := a.after.Load(); n > 0 {
		errs = append(errs, fmt.Errorf("%d functions ran after their Do had returned", n))
	}
	if s := a.l.Stats(); s != (weftio.Stats{}) {
		errs = append(errs, fmt.Errorf("the closed loop has left %+v", s))
	}
	return errors.Join(errs...)
}

var errExpired = errors.New("waited for in vain")

// expired has ended: who waits under it gets what is there.
var expired = func() context.Context {
	ctx, end := context.WithCancelCause(context.Background())
	end(errExpired)
	return ctx
}()
