// SPDX-License-Identifier: MIT

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
)

// round is a few workers on two loops.
type round struct {
	*watcher
	number  int
	seed    uint64 // the run's
	rnd     *rand.Rand
	closing bool // the loops are closed while the workers work
	loops   [2]*weftio.Loop
	ending  [2]context.Context // ends when the loop is about to
	end     [2]context.CancelFunc
	workers []*worker
	before  holdings // of the process

	mu       sync.Mutex
	problems []string
	ports    []string // where the loops listened
}

// newRound chooses what the round with the given number does.
func newRound(r *run, number int) *round {
	o := &round{number: number, seed: r.seed, rnd: rand.New(rand.NewPCG(r.seed, uint64(number)))}
	o.watcher = newWatcher(r.limit, func(dump string) {
		fmt.Fprintf(r.report, "torture: %s\n%s", dump, o.stats())
		for _, p := range o.found() {
			fmt.Fprintln(r.report, "torture: before that:", p)
		}
		fmt.Fprintf(r.report, "torture: hangs: %s\n", o)
		r.exit(1)
	})
	o.closing = o.rnd.IntN(3) == 0
	for _, j := range chooseJobs(o.rnd, r.jobs) {
		o.workers = append(o.workers, &worker{round: o, job: j, seeds: [2]uint64{o.rnd.Uint64(), o.rnd.Uint64()}, home: o.rnd.IntN(2)})
	}
	return o
}

// String says how to repeat the round.
func (o *round) String() string {
	var names []string
	for _, w := range o.workers {
		names = append(names, w.job.name)
	}
	return fmt.Sprintf("round %d of seed %d (closing: %v, jobs %v): repeat with ci/torture -round %d 1m %d",
		o.number, o.seed, o.closing, names, o.number, o.seed)
}

// fail notes a problem.
func (o *round) fail(format string, args ...any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.problems) < 20 {
		o.problems = append(o.problems, fmt.Sprintf(format, args...))
	}
}

// found returns the problems so far.
func (o *round) found() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.problems)
}

// run runs the round and returns what was wrong.
func (o *round) run() []string {
	o.before = held()
	stop := o.watcher.start()
	logs := slog.Default()
	defer slog.SetDefault(logs)
	slog.SetDefault(slog.New(slog.NewTextHandler((*logged)(o), &slog.HandlerOptions{Level: slog.LevelWarn})))
	for i := range o.loops {
		l, err := weftio.Start(weftio.OnError(o.reported), weftio.Grace(o.limit), weftio.Watchdog(0, nil))
		if err != nil {
			o.fail("Start: %v", err)
			return o.found()
		}
		o.loops[i] = l
		o.ending[i], o.end[i] = context.WithCancel(context.Background())
	}
	var working, closers sync.WaitGroup
	for _, w := range o.workers {
		w.begin()
		working.Go(w.work)
	}
	for i, l := range o.loops {
		moment := time.Duration(o.rnd.IntN(50_000)) * time.Microsecond
		closers.Go(func() {
			if o.closing {
				time.Sleep(moment)
			} else {
				working.Wait()
			}
			o.close(i, l)
		})
	}
	working.Wait()
	closers.Wait()
	o.checkPorts()
	o.checkNothingLeft()
	stop()
	return o.found()
}

// close closes a loop.
func (o *round) close(i int, l *weftio.Loop) {
	o.end[i]()
	defer o.watch(fmt.Sprintf("Close of loop %d", i))()
	if err := l.Close(); err != nil {
		o.fail("Close of loop %d: %v", i, err)
	}
	if s := l.Stats(); s != (weftio.Stats{}) {
		o.fail("the closed loop %d has left %+v", i, s)
	}
}

// reported is the loops' error handler: workers look at all that is rejected, so there is nothing to report. But they may be too late
// to look at what was rejected as the loop ended.
func (o *round) reported(err error) {
	var unseen *promise.UnhandledError
	if !o.closing || !errors.As(err, &unseen) {
		o.fail("a loop reports: %v", err)
	}
}

// logged is a round as what warnings and errors are logged to: each is a problem.
type logged round

// Write implements io.Writer.
func (l *logged) Write(line []byte) (int, error) {
	(*round)(l).fail("logged: %s", line)
	return len(line), nil
}

// stats describes the loops.
func (o *round) stats() (text string) {
	for i, l := range o.loops {
		if l != nil {
			text += fmt.Sprintf("torture: loop %d: %+v\n", i, l.Stats())
		}
	}
	return text
}

// context returns the ctx of a loop.
func (o *round) context(loop int) context.Context { return o.loops[loop].Context(context.Background()) }
