// SPDX-License-Identifier: MIT

package io

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/weft-go/weft/uv"
)

// standIn is a thread of ours that runs an adopted loop's turns while the host's thread, which Go has not made, waits for it within
// uv_run. Tasks are coroutines, and the runtime resumes one only on what it takes for the thread that made it. On Windows it takes a
// C thread for another one each time that calls Go. As the one waits for the other, both are the host's thread to weft: what the one
// may do, with other loops of that thread too, the other may.
type standIn struct {
	begin chan struct{}
	more  chan bool
	panic error // of the last turn
}

// standsIn says whether this system needs it.
var standsIn = runtime.GOOS == "windows"

func newStandIn(id, host uint64, turn func() (more bool)) *standIn {
	s := &standIn{begin: make(chan struct{}), more: make(chan bool)}
	go s.work(id, host, turn)
	return s
}

// turn has a turn run. Host's thread only.
func (s *standIn) turn() (more bool) {
	s.begin <- struct{}{}
	more = <-s.more
	if s.panic != nil {
		panic(s.panic)
	}
	return more
}

// end ends the thread's work, which is over when it returns. Host's thread only.
func (s *standIn) end() {
	close(s.begin)
	<-s.more
}

func (s *standIn) work(id, host uint64, turn func() (more bool)) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	uv.EnterThread(id)
	uv.StandIn(host)
	for range s.begin {
		s.more <- s.try(turn)
	}
	uv.StandIn(0)
	uv.LeaveThread()
	close(s.more)
}

func (s *standIn) try(turn func() (more bool)) (more bool) {
	defer func() {
		if v := recover(); v != nil {
			s.panic = fmt.Errorf("%v\n\n%s", v, debug.Stack())
		}
	}()
	s.panic = nil
	return turn()
}
