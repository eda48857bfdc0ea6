// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// Idle has its Completer told once a turn, in front of what the turn's poll brings. While it runs, no turn blocks.
type Idle struct{ Handle }

// NewIdle returns a stopped Idle. Loop goroutine only. Binds uv_idle_init.
func NewIdle(l *Loop) (*Idle, error) {
	i := &Idle{}
	if err := i.newHook(l, C.UV_IDLE); err != nil {
		return nil, err
	}
	return i, nil
}

// Start has c told once a turn from now on. One that runs goes on with the new Completer. Loop goroutine only. Binds
// uv_idle_start.
func (i *Idle) Start(c Completer) error { return i.startHook(c) }

// Stop stops it: nothing is delivered any more. Loop goroutine only. Binds uv_idle_stop.
func (i *Idle) Stop() error { return i.stopHook() }
