// SPDX-License-Identifier: MIT

// Command torture runs seeded random programs on real loops, round after round, until its time is up:
//
//	torture [-round N] [-jobs NAME,...] [-procs N] [duration [seed]]
//
// A round has two loops and a few workers, each with a job: to wake sleeping loops, to settle promises from everywhere,
// to read what slow, resetting, half-closing and flooding peers send, and so on. A job checks what must hold of what it
// does. Some rounds close their loops in the midst. When a round is over, nothing may be left of it. Every wait is
// watched: one that takes too long ends the process with all stacks.
//
// What a round does follows from the run's seed and its number, both printed when it fails. When the threads get to do it
// does not, so that a repeated round may need many repetitions to fail again.
package main
