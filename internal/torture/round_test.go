// SPDX-License-Identifier: MIT

package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// newRun returns a run of one round with the given jobs, and what it reports.
func newRun(seed uint64, jobs ...job) (*run, *bytes.Buffer) {
	report := &bytes.Buffer{}
	return &run{report: report, exit: func(int) {}, seed: seed, only: -1, limit: time.Minute, jobs: jobs}, report
}

func TestWhatARoundDoesFollowsFromItsSeedAndNumber(t *testing.T) {
	plan := func(seed uint64, number int) (plan []any) {
		r, _ := newRun(seed, jobs...)
		o := newRound(r, number)
		plan = append(plan, o.closing)
		for _, w := range o.workers {
			plan = append(plan, w.job.name, w.seeds, w.home)
		}
		return plan
	}
	assert.Equal(t, plan(1, 2), plan(1, 2))
	assert.NotEqual(t, plan(1, 2), plan(1, 3))
	assert.NotEqual(t, plan(1, 2), plan(2, 2))
}

func TestARoundFailsForWhatAJobFinds(t *testing.T) {
	for name, c := range map[string]struct {
		do     func(w *worker)
		report string
	}{
		"nothing":   {func(*worker) {}, "no problem"},
		"a problem": {func(w *worker) { w.fail("a value is lost") }, "test: a value is lost"},
		"an error that nobody has looked at": {func(w *worker) {
			w.task("a task", func(ctx context.Context) error {
				promise.Go(ctx, func(context.Context) error { return errors.New("a mistake") })
				return weftio.Sleep(ctx, time.Millisecond).Wait(ctx)
			})
		}, "a loop reports"},
		"an error that is logged": {func(*worker) { slog.Error("a mistake") }, "logged: "},
	} {
		t.Run(name, func(t *testing.T) {
			r, report := newRun(1, job{name: "test", do: c.do})
			status := r.rounds()
			require.Contains(t, report.String(), c.report)
			assert.Equal(t, name != "nothing", status != 0)
			assert.Equal(t, name != "nothing", bytes.Contains(report.Bytes(), []byte("repeat with ci/torture -round 0 1m 1")))
		})
	}
}

func TestTheTextTellsWhatIsMissingOrComesTwice(t *testing.T) {
	x := text{zero: 'a'}
	assert.Empty(t, x.line("aaaaaaaaa"))
	assert.Empty(t, x.next([]byte("aaaaaaaab\naa")))
	assert.Empty(t, x.line("aaaaaac"))
	assert.NotEmpty(t, x.line("aaaaaaaae"), "one is missing")
	assert.NotEmpty(t, x.line("aaaaaaaac"), "one comes twice")
	assert.NotEmpty(t, x.next([]byte("aaaaaaaa\n")), "a byte is missing")
}
