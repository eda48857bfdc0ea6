// SPDX-License-Identifier: MIT

package promise

import "sync"

// monitor is a queue's mutex, and what decides whether its loop has to be woken. Work may be added under
// the mutex at any place; unlock, the only way to release it, sees that work and wakes the loop. So no
// code can add work to a sleeping loop and forget to wake it. (A test checks that this file alone uses
// the fields.)
type monitor struct {
	mutex sync.Mutex
	awake bool // Run is running, or the loop was woken and will call it
	turn  bool // the loop needs a turn for something that is not on the run queue

	concluding list     // conclusions of promises that have settled in this locked section
	ends       []ending // what is left to do once the mutex is released
}

// ending is a part of a cancellation that must not happen under the mutex: contexts that end, and searches that go
// on in other loops.
type ending struct {
	ctx    ender
	remote []cell
	err    error
}

// lock takes the mutex.
func (q *Queue) lock() { q.mon.mutex.Lock() }

// unlock concludes what depends on the promises that have settled, releases the mutex, wakes the loop if it sleeps and
// has something to do, and ends the contexts that a cancellation has found.
func (q *Queue) unlock() {
	if m := &q.mon; m.awake && m.concluding.first == nil && m.ends == nil {
		m.mutex.Unlock() // nothing of all that
	} else {
		q.finish()
	}
}

func (q *Queue) finish() {
	m := &q.mon
	for n := m.concluding.pop(); n != nil; n = m.concluding.pop() {
		n.cb.(conclusion).conclude()
	}
	wake := !m.awake && (m.turn || q.ready.first != nil)
	if wake {
		m.awake, m.turn = true, false
	}
	ends := m.ends
	m.ends = nil
	m.mutex.Unlock()
	if wake {
		q.exec.Wake()
	}
	for _, e := range ends {
		if e.ctx != nil {
			e.ctx.end(e.err)
		}
		cancelAll(e.remote, e.err)
	}
}

// afterwards has e done once the mutex is released. q is locked.
func (q *Queue) afterwards(e ending) { q.mon.ends = append(q.mon.ends, e) }

// conclude calls the conclusion of n before the mutex is released. q is locked.
func (q *Queue) conclude(n *node) {
	n.place = queued
	q.mon.concluding.push(n)
}

// needTurn has the loop take a turn although nothing is on its run queue. q is locked.
func (q *Queue) needTurn() { q.mon.turn = true }

// rise notes that a turn has begun: nobody needs to wake the loop. q is locked.
func (q *Queue) rise() { q.mon.awake = true }

// rest notes that a turn has ended; with more the loop takes another one by itself. What came during
// the turn it has seen. q is locked.
func (q *Queue) rest(more bool) { q.mon.awake, q.mon.turn = more, false }
