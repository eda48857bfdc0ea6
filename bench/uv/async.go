// SPDX-License-Identifier: MIT

package main

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/weft-go/weft/uv"
)

// side is one of two loops that wake each other by turns.
type side struct {
	l      *uv.Loop
	async  *uv.Async
	other  *side
	left   int  // wake-ups to come
	leader bool // it wakes the other one first, and not after the last time
}

func newSide(n int) *side {
	s := &side{l: newLoop(), left: n}
	var err error
	s.async, err = uv.NewAsync(s.l, s)
	check(err)
	return s
}

// Complete implements uv.Completer.
func (s *side) Complete(uv.Event) {
	s.left--
	if !s.leader || s.left > 0 {
		check(s.other.async.Send())
	}
	if s.left == 0 {
		check(s.async.Close(nil))
	}
}

// asyncPings has two loops, on a thread each, wake each other.
func asyncPings(n, _ int) {
	s := newSide(n)
	s.leader = true
	ready, done := make(chan *side), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // not unlocked: the thread ends with it
		other := newSide(n)
		other.other = s
		ready <- other
		run(other.l)
	}()
	s.other = <-ready
	begin()
	check(s.other.async.Send())
	check(s.l.Run(uv.RunDefault))
	end()
	<-done
	check(s.l.Close())
}

// asyncPummel has threads do nothing but wake one loop.
func asyncPummel(n, width int) {
	l := newLoop()
	left := countdown(n)
	async, err := uv.NewAsync(l, &left)
	check(err)
	var enough atomic.Bool
	var senders sync.WaitGroup
	begin()
	for range width {
		senders.Go(func() {
			runtime.LockOSThread()
			for !enough.Load() {
				check(async.Send())
			}
		})
	}
	for left > 0 {
		_, err := l.Turn(uv.RunOnce)
		check(err)
	}
	end()
	enough.Store(true)
	senders.Wait()
	check(async.Close(nil))
	run(l)
}
