// SPDX-License-Identifier: MIT

package promise

// Step is a place on a loop's run queue made to be embedded: what an object of a loop has run again and again, in its turn
// among the callbacks, without allocating.
type Step struct {
	node node
	r    Stepper
}

// Stepper is what a Step runs, on the loop. RunStep must not panic: it is for the insides of an operation, which know whom a panic
// of the user's code concerns.
type Stepper interface{ RunStep() }

// Post has r run on q's loop. The step must not be posted again before it has begun to run. Post returns false when the loop is
// closed, and r will not run. Safe from any goroutine, for one at a time.
func (s *Step) Post(q *Queue, r Stepper) bool {
	s.r, s.node.cb = r, s
	return q.enqueue(&s.node)
}

func (s *Step) run() { s.r.RunStep() }

// describe is the user's function, where the stepper says so with a method Describe.
func (s *Step) describe() string {
	if d, ok := s.r.(interface{ Describe() string }); ok {
		return d.Describe()
	}
	return funcName(s.r.RunStep)
}
