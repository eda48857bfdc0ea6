// SPDX-License-Identifier: MIT

// Package model runs random programs of promises on the library and on a sequential interpreter of its rules, and compares them
// after each step. The interpreter is written from the rules: where they are silent it says so, and has what the library
// does. Only tests import it.
package model

import (
	"fmt"
	"slices"
	"strings"
)

// Program is a list of steps over promises on one loop or several. The promise that step n makes is p<n>.
type Program struct {
	Loops int
	Steps []Step
}

// Step is one operation.
type Step struct {
	Op     Op
	Inside int   // the step whose callback does this one; none: the program itself
	On     int   // for a step of the program itself: the loop in whose callback it is done; none: off any loop
	Later  bool  // that callback is posted, but the loop is not turned for it
	P      []int // the promises it is about, as the steps that make them
	Raw    bool  // it is about what a combinator returned, not about the text made of that
	Loop   int   // the loop it starts something on, turns or closes
	Ctx    int   // the step whose context it is under; none: the loop's, of an Await: the task's
	Under  under // of an Await: what else it may be under
	D      int   // a duration
	End    End   // how its callback ends
	Ret    int   // the promise that its callback returns
}

// none stands for no step, or no loop.
const none = -1

// under is what an Await waits under beside a context of the program.
type under byte

const (
	underCtx   under = iota // the step's context
	underNone               // a context that never ends
	underEnded              // one that has ended
	underCount
)

func (p Program) clone() Program {
	q := Program{p.Loops, slices.Clone(p.Steps)}
	for i := range q.Steps {
		q.Steps[i].P = slices.Clone(q.Steps[i].P)
	}
	return q
}

// inner lists the steps that the callback of step n does; those of none are the program's own.
func (p Program) inner(n int) (steps []int) {
	for i, s := range p.Steps {
		if s.Inside == n {
			steps = append(steps, i)
		}
	}
	return steps
}

// String is the program as a list of readable lines, each callback's steps below it.
func (p Program) String() string {
	var b strings.Builder
	p.print(&b, none, "")
	return strings.TrimSuffix(b.String(), "\n")
}

func (p Program) print(b *strings.Builder, inside int, indent string) {
	for _, n := range p.inner(inside) {
		s := p.Steps[n]
		where := ""
		if s.Inside == none && !traitsOf[s.Op].top {
			where = s.where(p.Loops)
		}
		name := ""
		if traitsOf[s.Op].makes {
			name = fmt.Sprintf("p%d = ", n)
		} else if s.Op == Context {
			name = fmt.Sprintf("ctx%d = ", n)
		}
		fmt.Fprintf(b, "%3d %s%s%s%s\n", n, indent, name, s, where)
		p.print(b, n, indent+"      ")
	}
}

func (s Step) where(loops int) string {
	switch {
	case s.On == none:
		return "   (off the loop)"
	case s.Later && loops > 1:
		return fmt.Sprintf("   (posted to loop %d)", s.On)
	case s.Later:
		return "   (posted)"
	case loops > 1:
		return fmt.Sprintf("   (on loop %d)", s.On)
	}
	return ""
}

// String is what the step does, without its number.
func (s Step) String() string {
	t := traitsOf[s.Op]
	var args []string
	for _, i := range s.P {
		name := fmt.Sprintf("p%d", i)
		if s.Raw {
			name = fmt.Sprintf("raw p%d", i)
		}
		args = append(args, name)
	}
	switch {
	case s.Op == EndContext:
		args = append(args, fmt.Sprintf("ctx%d", s.Ctx))
	case s.Op == Await && s.Under == underNone:
		args = append(args, "under no end")
	case s.Op == Await && s.Under == underEnded:
		args = append(args, "under an ended ctx")
	case s.Ctx != none && t.at:
		args = append(args, fmt.Sprintf("under ctx%d", s.Ctx))
	case t.at && s.Op != Await || t.top:
		args = append(args, fmt.Sprintf("%d", s.Loop))
	}
	if s.Op == Sleep || s.Op == WithTimeout || s.Op == Context || s.Op == Advance {
		args = append(args, fmt.Sprintf("for %d", s.D))
	}
	text := t.name + " " + strings.Join(args, ", ")
	if t.calls && s.Op != OnCancel {
		text += ", whose callback " + s.ending()
	}
	return text
}

func (s Step) ending() string {
	if s.End == EndPromise {
		return fmt.Sprintf(endNames[s.End], s.Ret)
	}
	return endNames[s.End]
}
