// SPDX-License-Identifier: MIT

package main

import (
	"log"

	"github.com/weft-go/weft/uv"
)

// children has children run one after the other. It is the Completer of the output of the one that runs.
type children struct {
	l       *uv.Loop
	left    int
	open    int // handles of that one
	output  int // bytes of its output
	process *uv.Process
	out     *uv.Pipe
}

// The other Completers: told that it has ended, and that a handle of it is closed.
type (
	childEnded  children
	childClosed children
)

func (c *children) spawn() {
	out, err := uv.NewPipe(c.l, false)
	check(err)
	c.process, err = uv.Spawn(c.l, uv.ProcessOptions{
		File:  "/bin/echo",
		Args:  []string{"echo", "hello"},
		Stdio: []uv.Stdio{uv.Ignore(), uv.CreatePipe(out, uv.WritablePipe)},
	}, (*childEnded)(c))
	check(err)
	check(out.ReadStart(c))
	c.out, c.open, c.output = out, 2, 0
}

// Complete implements uv.Completer.
func (c *children) Complete(ev uv.Event) {
	if ev.Status == uv.EOF {
		check(c.out.Close((*childClosed)(c)))
		return
	}
	checkEvent(ev)
	c.output += len(ev.Data)
}

// Complete implements uv.Completer.
func (c *childEnded) Complete(ev uv.Event) {
	if ev.Value != 0 || ev.TermSignal() != 0 {
		log.Fatalf("it ended with %d, signal %d", ev.Value, ev.TermSignal())
	}
	check(c.process.Close((*childClosed)(c)))
}

// Complete implements uv.Completer.
func (c *childClosed) Complete(uv.Event) {
	if c.open--; c.open > 0 {
		return
	}
	if c.output != 6 {
		log.Fatalf("it has written %d bytes", c.output)
	}
	if c.left--; c.left > 0 {
		(*children)(c).spawn()
	} else {
		end()
	}
}

// spawn runs children one after the other, and reads their output to its end.
func spawn(n, _ int) {
	c := &children{l: newLoop(), left: n}
	begin()
	c.spawn()
	run(c.l)
}
