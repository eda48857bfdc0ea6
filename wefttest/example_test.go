// SPDX-License-Identifier: MIT

package wefttest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/wefttest"
)

// poll goes on until its ctx ends.
func poll(ctx context.Context) error {
	for {
		if err := weftio.Sleep(ctx, time.Minute).Wait(ctx); err != nil {
			return err
		}
	}
}

// A test that leaves a task fails, and is told which one. (In a test t is the test's own. This one prints.)
func Example() {
	t := &printing{}
	wefttest.Run(t, func(ctx context.Context) error {
		promise.Go(ctx, poll)
		return nil
	})
	// Output:
	// wefttest: the test has left this open or running. Close it, await it, or except it by wefttest.Allow:
	//
	// task github.com/weft-go/weft/wefttest_test.poll
	//	github.com/weft-go/weft/wefttest_test.Example.func1
	// timer Sleep
	//	github.com/weft-go/weft/wefttest_test.poll
}

// A test that stops its task, or excepts it, passes.
func ExampleAllow() {
	t := &printing{}
	wefttest.Run(t, func(ctx context.Context) error {
		p := promise.Go(ctx, poll)
		p.Cancel()
		return nil
	})
	wefttest.Run(t, func(ctx context.Context) error {
		promise.Go(ctx, poll)
		return nil
	}, wefttest.Allow("wefttest_test.poll"))
	fmt.Println("passed:", !t.failed)
	// Output: passed: true
}

// printing is a testing.TB that prints what a test logs, without the files.
type printing struct {
	testing.TB
	failed bool
}

func (p *printing) Helper()                  {}
func (p *printing) Name() string             { return "Example" }
func (p *printing) Context() context.Context { return context.Background() }
func (p *printing) Skipped() bool            { return false }

func (p *printing) Errorf(format string, a ...any) {
	p.failed = true
	for line := range strings.Lines(fmt.Sprintf(format, a...)) {
		line, _, _ = strings.Cut(line, " (")
		fmt.Println(strings.TrimRight(line, "\n"))
	}
}
