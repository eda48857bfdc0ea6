// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// Prepare has its Completer told once a turn. libuv calls a prepare callback in front of the poll; here the event is
// delivered after the poll, which it does not keep from blocking, before what the poll has brought. What has to be done before
// the loop sleeps, do before Turn.
type Prepare struct{ Handle }

// NewPrepare returns a stopped Prepare. Loop goroutine only. Binds uv_prepare_init.
func NewPrepare(l *Loop) (*Prepare, error) {
	p := &Prepare{}
	if err := p.newHook(l, C.UV_PREPARE); err != nil {
		return nil, err
	}
	return p, nil
}

// Start has c told once a turn from now on. One that runs goes on with the new Completer. Loop goroutine only. Binds
// uv_prepare_start.
func (p *Prepare) Start(c Completer) error { return p.startHook(c) }

// Stop stops it: nothing is delivered any more. Loop goroutine only. Binds uv_prepare_stop.
func (p *Prepare) Stop() error { return p.stopHook() }
