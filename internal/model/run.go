// SPDX-License-Identifier: MIT

package model

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// world is what programs run on: the library, or the model of it.
type world interface {
	do(n int, s Step)           // one operation; its callback goes to run.callback
	await(n int, s Step) string // Await, and what it says
	has(n int) bool             // step n made its promise
	hasContext(n int) bool
	post(loop int, f func())
	turn(loop int)
	flush(loop int)
	advance(loop int, d int)
	closeLoop(loop int)
	loop() int         // whose callback or task runs now; none: the caller is off any loop
	read(n int) string // what can be seen of step n from outside, "" when nothing
	end()              // nothing is asked any more
}

// run is a program on a world.
type run struct {
	p  Program
	w  world
	in [][]int // the steps inside each step

	silent atomic.Bool // the end of a world is not part of its history
	mu     sync.Mutex
	got    map[int]got // what a step's callback got, or its task awaited, last
	log    [][]string  // what was said on each loop, in order; what was said off loops is last
}

// got is what a callback is called with: what it looks like, and the thing itself, which only the world knows.
type got struct {
	text string
	is   any
}

func newRun(p Program) *run {
	r := &run{p: p, in: make([][]int, len(p.Steps)), got: map[int]got{}, log: make([][]string, p.Loops+1)}
	for i, s := range p.Steps {
		if s.Inside != none {
			r.in[s.Inside] = append(r.in[s.Inside], i)
		}
	}
	return r
}

// perform does one of the program's own steps.
func (r *run) perform(n int) {
	s := r.p.Steps[n]
	switch {
	case s.On == none:
		r.exec(n)
	default:
		r.w.post(s.On, func() { r.exec(n) })
		if !s.Later {
			r.w.turn(s.On)
		}
	}
}

// exec does step n, wherever the caller is. A step about a promise that is not there (yet) is left out.
func (r *run) exec(n int) {
	s := r.p.Steps[n]
	for _, i := range s.P {
		if !r.w.has(i) {
			return
		}
	}
	if s.Ctx != none && !r.w.hasContext(s.Ctx) {
		return
	}
	switch s.Op {
	case Turn:
		r.w.turn(s.Loop)
	case Flush:
		r.w.flush(s.Loop)
	case Advance:
		r.w.advance(s.Loop, s.D)
	case CloseLoop:
		r.w.closeLoop(s.Loop)
	case Await:
		r.say(n, "Await says "+r.w.await(n, s))
	default:
		r.w.do(n, s)
	}
}

// callback is the callback of step n, called with g. It returns how it is to end.
func (r *run) callback(n int, g got) End {
	s := r.p.Steps[n]
	r.say(n, "got "+g.text)
	r.mu.Lock()
	r.got[n] = g
	r.mu.Unlock()
	for _, i := range r.in[n] {
		r.exec(i)
	}
	return s.endOn(r.w.loop())
}

// endOn is how a callback of the step ends on a loop. Off loops there is no one to end a goroutine for, nor to report to.
func (s Step) endOn(loop int) End {
	if loop == none && (s.End == EndGoexit || s.End == EndPanic && (s.Op == OnSettle || s.Op == OnCancel)) {
		return EndValue
	}
	return s.End
}

func (r *run) gotBy(n int) got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got[n]
}

// awaited notes what a task awaited last.
func (r *run) awaited(n int, g got) string {
	if s := r.p.Steps[n]; s.Inside != none && r.p.Steps[s.Inside].Op == Task {
		r.mu.Lock()
		r.got[s.Inside] = g
		r.mu.Unlock()
	}
	return g.text
}

func (r *run) say(n int, text string) {
	on := r.w.loop()
	if on == none {
		on = r.p.Loops
	}
	r.write(on, fmt.Sprintf("%d %s", n, text))
}

// report notes what a loop's handler got.
func (r *run) report(loop int, text string) {
	r.write(loop, "the handler got "+text)
}

func (r *run) write(log int, line string) {
	if r.silent.Load() {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log[log] = append(r.log[log], line)
}

// rounds is how often all loops are turned after a step of a program on several, so that what one tells another arrives.
const rounds = 5

// settleDown turns all loops until they are quiet, when there are several: between them there is no order.
func (r *run) settleDown(times int) {
	for range times {
		for l := range r.p.Loops {
			r.w.flush(l)
		}
	}
}

// moment is what can be seen after a step.
type moment struct {
	said  []int // how long each log is
	state []string
}

// history is all that can be seen of a run.
type history struct {
	moments []moment
	log     [][]string
}

// play runs the program to its end.
func (r *run) play() *history {
	h := &history{}
	for n, s := range r.p.Steps {
		if s.Inside != none {
			continue
		}
		r.perform(n)
		if r.p.Loops > 1 {
			r.settleDown(rounds)
		}
		h.moments = append(h.moments, r.look())
	}
	r.settleDown(2 * rounds)
	h.moments = append(h.moments, r.look())
	h.log = r.log
	r.w.end()
	return h
}

func (r *run) look() moment {
	m := moment{said: make([]int, len(r.log)), state: make([]string, len(r.p.Steps))}
	for i, l := range r.log {
		m.said[i] = len(l)
	}
	for n := range r.p.Steps {
		m.state[n] = r.w.read(n)
	}
	return m
}
