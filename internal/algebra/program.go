// SPDX-License-Identifier: MIT

// Package algebra runs random programs of promises on the real thing and on a simple sequential model of it, side by side.
// Only tests import it.
package algebra

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// Program is a list of steps over numbered promises. Numbers are taken modulo how many there are.
type Program []Step

// Step is one operation. What A, B and C mean depends on Op: A is the promise it is about, B what a callback of it does, and C
// which promise that callback deals with.
type Step struct {
	Op      Op
	A, B, C byte
}

// Op is what a step does.
type Op byte

// The operations.
const (
	New Op = iota
	Resolve
	Reject
	Cancel
	CancelCause
	OnSettle
	OnCancel
	Map
	Bind
	Then
	Catch
	Finally
	Protected
	NoCancel
	Cancelable
	All
	Join
	Both
	AllSettled
	AllFailFast
	Any
	Choose
	Pick
	NChoose
	NPick
	ChooseSplit
	Resolved
	Rejected
	Pause
	Turn
	ops
)

var opNames = [...]string{"New", "Resolve", "Reject", "Cancel", "CancelCause", "OnSettle", "OnCancel", "Map", "Bind", "Then", "Catch",
	"Finally", "Protected", "NoCancel", "Cancelable", "All", "Join", "Both", "AllSettled", "AllFailFast", "Any", "Choose", "Pick",
	"NChoose", "NPick", "ChooseSplit", "Resolved", "Rejected", "Pause", "Turn"}

// deed is what a callback does before it returns, or how it ends.
type deed byte

const (
	value deed = iota
	fail
	panics
	inner // a Bind returns the promise C; others return a value
	resolves
	rejects
	cancels
	listens
	deeds
)

var deedNames = [...]string{"value", "error", "panic", "promise", "resolves", "rejects", "cancels", "listens to"}

func (s Step) deed() deed { return deed(s.B) % deeds }

// members are the promises that a combinator is about: two to four of them.
func (s Step) members() []int {
	all := []int{int(s.A), int(s.B), int(s.C), int(s.A) + int(s.C)}
	return all[:2+int(s.B)%3]
}

// String is the step as a line of a report.
func (s Step) String() string {
	switch {
	case s.Op >= Map && s.Op <= Finally:
		return fmt.Sprintf("%s %d, whose callback: %s %d", opNames[s.Op], s.A, deedNames[s.deed()], s.C)
	case s.Op >= All && s.Op <= ChooseSplit:
		return fmt.Sprintf("%s %v", opNames[s.Op], s.members())
	}
	return fmt.Sprintf("%s %d", opNames[s.Op], s.A)
}

func (p Program) String() string {
	lines := make([]string, len(p))
	for i, s := range p {
		lines[i] = fmt.Sprintf("%2d  %s", i, s)
	}
	return strings.Join(lines, "\n")
}

// Confluent is the part of p in which the order of callbacks changes nothing: without races and cancellations, and with one error
// only.
func (p Program) Confluent() (q Program) {
	for _, s := range p {
		switch s.Op {
		case Cancel, CancelCause, AllFailFast, Any, Choose, Pick, NChoose, NPick, ChooseSplit:
			continue
		case Finally:
			s.B = byte(value) // a cleanup that fails makes another error
		}
		if s.deed() > inner || s.deed() == panics {
			s.B = byte(value)
		}
		q = append(q, s)
	}
	return q
}

// maxSteps keeps programs short enough to be read.
const maxSteps = 80

// Decode makes a program of any bytes, four a step.
func Decode(b []byte) (p Program) {
	for len(b) >= 4 && len(p) < maxSteps {
		p = append(p, Step{Op(b[0]) % ops, b[1], b[2], b[3]})
		b = b[4:]
	}
	return p
}

// Random makes a program of a seed.
func Random(seed uint64) Program {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, 4*(4+r.IntN(36)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	for i := 0; i < len(b); i += 4 { // few promises, so that they meet
		b[i+1] %= 12
		b[i+3] %= 12
	}
	return Decode(b)
}

var (
	errStep    = errors.New("rejected")
	errCleanup = errors.New("no cleanup")
)

// Shrink leaves out steps, and makes numbers smaller, while fails still says so.
func (p Program) Shrink(fails func(Program) bool) Program {
	for before := (Program)(nil); !slices.Equal(before, p); {
		before = slices.Clone(p)
		p = p.shorten(fails)
		for i := range p {
			for _, number := range []func(*Step) *byte{aOf, bOf, cOf} {
				p = p.lower(fails, func(q Program) *byte { return number(&q[i]) })
			}
		}
	}
	return p
}

func aOf(s *Step) *byte { return &s.A }
func bOf(s *Step) *byte { return &s.B }
func cOf(s *Step) *byte { return &s.C }

// shorten leaves out runs of steps, long ones first.
func (p Program) shorten(fails func(Program) bool) Program {
	for size := len(p) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(p); {
			if less := slices.Delete(slices.Clone(p), at, at+size); fails(less) {
				p = less
			} else {
				at++
			}
		}
	}
	return p
}

// lower tries small values for one number of the program.
func (p Program) lower(fails func(Program) bool, number func(Program) *byte) Program {
	for v := range min(*number(p), 16) {
		q := slices.Clone(p)
		if *number(q) = v; fails(q) {
			return q
		}
	}
	return p
}
