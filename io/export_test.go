// SPDX-License-Identifier: MIT

package io

import "time"

// StandIn has loops that are adopted from now on turn on a thread of ours, as on Windows, when the host's is not Go's; and then not.
func StandIn() (end func()) {
	was := standsIn
	standsIn = true
	return func() { standsIn = was }
}

// HeldAfter returns what the watchdog takes for the time of which a loop was held, with a limit of 100 ms, when it has looked after these times.
func HeldAfter(looks ...time.Duration) time.Duration {
	begin := time.Now()
	w := watch{limit: 100 * time.Millisecond, last: begin}
	for _, at := range looks {
		w.count(begin.Add(at))
	}
	return w.held
}

// StandInTurn has a stand-in turn once, and end.
func StandInTurn(turn func() (more bool)) (more bool) {
	s := newStandIn(1<<40, 1<<40, turn)
	defer s.end()
	return s.turn()
}

// Held returns how many bytes in keeps memory for.
func Held(in *Input) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return cap(in.data)
}

// AwaitEnd is what Close does after it has told the loop, with another patience than the loop's.
func (l *Loop) AwaitEnd(patience time.Duration) error { return l.awaitEnd(patience) }

// Waiting returns how many operations of in wait.
func Waiting(in *Input) int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.ops)
}

// Accepting returns how many Accepts of ln wait.
func Accepting(ln *Listener) int {
	ln.mu.Lock()
	defer ln.mu.Unlock()
	return len(ln.waiting)
}

// Fd returns a connection's descriptor. Loop goroutine only.
func Fd(c *Conn) uintptr {
	fd, _ := c.state().tcp.Fileno()
	return fd
}
