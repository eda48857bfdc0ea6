// SPDX-License-Identifier: MIT

package uv

// #include "../csrc/src/engine.h"
import "C"

// Pipe is a Unix socket or pipe, on Windows a named pipe: a connection or a listener. Its zero value, for Init or Accept, may
// be embedded.
type Pipe struct{ Stream }

// NewPipe returns a handle without a socket yet; ipc says that handles will be passed over it. Loop goroutine only. Binds
// uv_pipe_init.
func NewPipe(l *Loop, ipc bool) (*Pipe, error) {
	p := &Pipe{}
	if err := p.Init(l, ipc); err != nil {
		return nil, err
	}
	return p, nil
}

// Init makes the handle of a zero Pipe, without a socket yet. Loop goroutine only. Binds uv_pipe_init.
func (p *Pipe) Init(l *Loop, ipc bool) error {
	switch {
	case l.shared == nil:
		return ErrClosed
	case p.l != nil:
		return EALREADY
	}
	var ptr C.uintptr_t
	if e := C.weft_pipe_new(l.ptr, boolean(ipc), &ptr); e != 0 {
		return Errno(e)
	}
	p.open(l, ptr)
	return nil
}
