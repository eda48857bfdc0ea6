// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// Check has its Completer told once a turn, after what the turn's poll has brought.
type Check struct{ Handle }

// NewCheck returns a stopped Check. Loop goroutine only. Binds uv_check_init.
func NewCheck(l *Loop) (*Check, error) {
	ch := &Check{}
	if err := ch.newHook(l, C.UV_CHECK); err != nil {
		return nil, err
	}
	return ch, nil
}

// Start has c told once a turn from now on. One that runs goes on with the new Completer. Loop goroutine only. Binds
// uv_check_start.
func (ch *Check) Start(c Completer) error { return ch.startHook(c) }

// Stop stops it: nothing is delivered any more. Loop goroutine only. Binds uv_check_stop.
func (ch *Check) Stop() error { return ch.stopHook() }
