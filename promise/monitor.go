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
}

// lock takes the mutex.
func (q *Queue) lock() { q.mon.mutex.Lock() }

// unlock releases the mutex, and wakes the loop if it sleeps and has something to do.
func (q *Queue) unlock() {
	if q.mon.awake {
		q.mon.mutex.Unlock()
		return
	}
	q.unlockAsleep()
}

func (q *Queue) unlockAsleep() {
	wake := q.mon.turn || q.ready.first != nil
	q.mon.awake, q.mon.turn = wake, false
	q.mon.mutex.Unlock()
	if wake {
		q.exec.Wake()
	}
}

// needTurn has the loop take a turn although nothing is on its run queue. q is locked.
func (q *Queue) needTurn() { q.mon.turn = true }

// rise notes that a turn has begun: nobody needs to wake the loop. q is locked.
func (q *Queue) rise() { q.mon.awake = true }

// settleDown notes that a turn has ended; with more the loop takes another one by itself. What came during
// the turn it has seen. q is locked.
func (q *Queue) rest(more bool) { q.mon.awake, q.mon.turn = more, false }
