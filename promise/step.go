// SPDX-License-Identifier: MIT

package promise

// Step is a place on a loop's run queue made to be embedded: what an object of a loop has run again and again, in its turn
// among the callbacks, without allocating. Its zero value is not usable: call Init.
type Step struct {
	node node
	q    *Queue
	r    Stepper
}

// Stepper is what a Step runs: on the loop, as any callback. A panic goes to the loop's handler.
type Stepper interface{ RunStep() }

// Init makes r what Post has q run.
func (s *Step) Init(q *Queue, r Stepper) {
	s.q, s.r = q, r
	s.node.cb = s
}

// Post has the step run. It must not be posted again before it has begun to run. It returns false when the loop is closed,
// and the step will not run. Safe from any goroutine, for one at a time.
func (s *Step) Post() bool { return s.q.enqueue(&s.node) }

func (s *Step) describe() string { return funcName(s.r.RunStep) }

func (s *Step) run() {
	if err := protect(s.r.RunStep, nil); err != nil {
		s.q.Report(err)
	}
}
