// SPDX-License-Identifier: MIT

package io

import "github.com/weft-go/weft/promise"

// stage is how far the end of a loop is. An owned loop goes through the stages in one function (see end), an adopted one lap by lap
// (see advance): it has to give the thread back in between. Under Loop.mu; only the loop's goroutine sets it, but for one that its
// host has closed.
type stage uint8

const (
	living   stage = iota
	draining       // cancelled tasks end, and output leaves; nothing new is opened
	closing        // what was open is closed, and says so; nothing but closing goes on
	closed         // nothing is left that could be asked for
)

// enter begins a stage. What was asked for and is too late from now on is refused. Once a stage has begun there is no such work.
func (l *Loop) enter(s stage) {
	var late []work
	l.mu.Lock()
	l.stage = s
	todo := l.todo
	l.todo = nil
	for _, w := range todo {
		if s < w.until() {
			l.todo = append(l.todo, w)
		} else {
			late = append(late, w)
		}
	}
	l.mu.Unlock()
	for _, w := range late {
		w.refused(promise.ErrLoopClosed)
	}
}

// at returns the stage.
func (l *Loop) at() stage {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stage
}

// schedule has w performed before the next poll; when the end of the loop has come too far for it, refused instead. Safe from any
// goroutine.
func (l *Loop) schedule(w work) {
	l.mu.Lock()
	if l.stage > living && l.stage >= w.until() {
		l.mu.Unlock()
		w.refused(promise.ErrLoopClosed)
		return
	}
	l.todo = append(l.todo, w)
	wake := l.polling
	l.mu.Unlock()
	if wake {
		l.Wake()
	}
}

// What each kind of work is refused from.

func (op *dialOp) until() stage   { return draining }
func (op *lookupOp) until() stage { return draining }
func (op *listenOp) until() stage { return draining }
func (op *acceptOp) until() stage { return draining }

func (w *inputWork) until() stage     { return closing }
func (op *closeWriteOp) until() stage { return closing }

// An Output that is closed has nothing to hand over. Until then it counts what it will lose.
func (w *outputWork) until() stage { return closed }

func (op *closeReadOp) until() stage     { return closed }
func (op *closeOp) until() stage         { return closed }
func (op *closeListenerOp) until() stage { return closed }
