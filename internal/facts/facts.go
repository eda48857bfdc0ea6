// SPDX-License-Identifier: MIT

// Package facts says what promises do: a table of tests, each named by what it says, which hold on every kind of loop.
// Package promise runs them on a loop driven by hand, package io on libuv's.
//
// Most come from an inventory of Lwt's semantics, whose section and number their sources name; where this project decided
// otherwise, the test asserts the decision, and the source says so. Of Lwt's facts on promises, these have no test here:
//
//   - 13, in that catch calls its body at once: Promise.Catch is a method of the body's promise.
//   - 60, 62 to 96, 98 and 99: I/O, locks, pools, streams and processes are other types' business.
//   - What only OCaml needs: the ppx's backtrace_bind and its like, the operators, Exception_filter (Go's fatal errors cannot
//     be caught), add_task_r (a queue of resolvers), and wakeup_paused, abandon_wakeups and their like (the loop's own).
package facts

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/weft-go/weft/promise"
)

// Fact is one thing that promises do.
type Fact struct {
	Name   string
	Source string

	// Run asserts it, as a task on a loop of its own. Whatever that loop's handler gets meanwhile fails the test, unless Run
	// asked for it with reports.
	Run func(t *testing.T, ctx context.Context)

	// Loops is in place of Run where a fact is about loops: it starts them itself.
	Loops func(t *testing.T, start Starter)
}

// Loop is what a fact runs on.
type Loop interface {
	// Run runs main as a task, turns the loop until that has ended, closes the loop, and returns main's error. When main
	// ends by runtime.Goexit, so does the caller.
	Run(main func(ctx context.Context) error) error
}

// Starter returns a new loop.
type Starter func(t *testing.T) Loop

// All returns the table.
func All() []Fact {
	return slices.Concat(states, links, callbacks, combinations, cancellations, shields, times, tasks, offloads, defects)
}

// RunAll runs every fact as a subtest, on loops that start returns.
func RunAll(t *testing.T, start func(t *testing.T) Loop) {
	seen := map[string]bool{}
	for _, f := range All() {
		require.False(t, seen[f.Name], f.Name)
		seen[f.Name] = true
		t.Run(f.Name, func(t *testing.T) {
			t.Log(f.Source)
			if f.Loops != nil {
				f.Loops(t, start)
				return
			}
			require.NoError(t, start(t).Run(func(ctx context.Context) error {
				promise.QueueFrom(ctx).SetHandler(func(err error) { assert.NoError(t, err, "reported to the loop's handler") })
				f.Run(t, ctx)
				return nil
			}))
		})
	}
}
