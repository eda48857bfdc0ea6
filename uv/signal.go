// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

import "syscall"

// Signal watches for one signal of the process. Any number of them, on any number of loops, hear of the same one.
//
// It works beside package os/signal: what was to be told of the signal before still is, Notify's channels included, and what
// the signal does when nobody watches it any more is what it did before. While it is watched it does not end the
// process. Calling os/signal's Ignore or Reset for it meanwhile takes the signal away until the next Start of a Signal for it; so
// does the first Notify for one that Go did not handle: SIGCONT, SIGTSTP, SIGTTIN, SIGTTOU, under nohup SIGHUP and SIGINT, and in
// a c-shared library most. libuv keeps a few thousand signals for a loop that is busy elsewhere, and forgets what comes on
// top. A program for Go alone should use os/signal; this is for code that is libuv's way of thinking.
type Signal struct {
	Handle
	sig  syscall.Signal // 0: it watches for none
	one  *oneSignal     // Start was for one
	held syscall.Signal // of holdSignal; 0: none
}

// NewSignal returns a stopped handle. Loop goroutine only. Binds uv_signal_init.
func NewSignal(l *Loop) (*Signal, error) {
	if l.shared == nil {
		return nil, ErrClosed
	}
	var ptr C.uintptr_t
	if e := C.weft_signal_new(l.ptr, &ptr); e != 0 {
		return nil, Errno(e)
	}
	s := &Signal{}
	s.open(l, ptr, s)
	return s, nil
}

// Start has c told of each signal sig, its number in Event.Value. The system may deliver two that come at once as one. Signals
// that belong to the Go runtime or to the C library are refused with EINVAL: SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGPROF, SIGURG,
// SIGKILL, SIGSTOP, and on Linux 32 to 34. Windows has none of the last ones but SIGKILL, and of the rest only SIGINT, SIGHUP, SIGWINCH
// and 21, SIGBREAK, ever come there. A Signal that is started already watches for this one instead. Loop goroutine only. Binds uv_signal_start.
func (s *Signal) Start(sig syscall.Signal, c Completer) error { return s.start(sig, c, nil) }

// StartOneshot is Start for one signal: the handle is stopped when c is told. Loop goroutine only. Binds
// uv_signal_start_oneshot.
func (s *Signal) StartOneshot(sig syscall.Signal, c Completer) error {
	return s.start(sig, c, &oneSignal{s, c})
}

func (s *Signal) start(sig syscall.Signal, c Completer, one *oneSignal) error {
	switch {
	case !s.isOpen():
		return ErrClosed
	case isNil(c):
		return EINVAL
	}
	if one != nil {
		c = one
	}
	if err := guard(); err != nil {
		return err
	}
	held, before := holdSignal(sig), s.held
	if e := C.weft_signal_start(s.ptr, C.int(sig), boolean(one != nil), s.listen(c)); e != 0 {
		releaseSignal(held)
		return Errno(e)
	}
	s.sig, s.one, s.held = sig, one, held
	releaseSignal(before)
	return nil
}

// Stop stops the handle. An event that the loop has collected already is still delivered. Loop goroutine only. Binds
// uv_signal_stop.
func (s *Signal) Stop() error {
	if !s.isOpen() {
		return ErrClosed
	}
	C.weft_signal_stop(s.ptr)
	s.stopped()
	return nil
}

func (s *Signal) stopped() {
	releaseSignal(s.held)
	s.sig, s.one, s.held = 0, nil, 0
}

// Signum returns the signal that the handle watches for, 0 for none.
func (s *Signal) Signum() syscall.Signal { return s.sig }

func (s *Signal) end() { _ = s.Stop() }

// oneSignal is the Completer of StartOneshot.
type oneSignal struct {
	s *Signal
	c Completer
}

// Complete implements Completer. The handle may have been started for something else since.
func (o *oneSignal) Complete(ev Event) {
	if o.s.one == o {
		o.s.stopped()
	}
	o.c.Complete(ev)
}
