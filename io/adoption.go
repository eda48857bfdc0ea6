// SPDX-License-Identifier: MIT

package io

import (
	"sync/atomic"
	"unsafe"

	"github.com/weft-go/weft/uv"
)

var adoptOptions atomic.Pointer[[]Option]

func init() {
	uv.SetAdopter(func(uvLoop unsafe.Pointer) error {
		var opts []Option
		if set := adoptOptions.Load(); set != nil {
			opts = *set
		}
		_, err := Adopt(uvLoop, opts...)
		return err
	})
}

// SetAdoptOptions sets the options of loops that C code adopts, with weft_adopt of weft.h. One of OnStart is where Go code begins by
// itself; functions that the host calls find the loop by Adopted. Safe from any goroutine.
func SetAdoptOptions(opts ...Option) { adoptOptions.Store(&opts) }

// Adopted returns the loop that has adopted a uv_loop_t *, by Adopt or by C code's weft_adopt, nil when none has. Call it on the thread
// that runs the loop.
func Adopted(uvLoop unsafe.Pointer) *Loop {
	id := uv.Adopted(uvLoop)
	if id == 0 {
		return nil
	}
	return loopOfID(id)
}
