// SPDX-License-Identifier: MIT

//go:build unix

package uv_test

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/weft-go/weft/uv"
	"github.com/weft-go/weft/uv/uvtest"
)

// adoptOnce has a host adopt its loop and give it back.
func adoptOnce(t *testing.T, adopted func()) {
	t.Helper()
	host := uvtest.StartHost(uvtest.Once(func(loop unsafe.Pointer) {
		var l *uv.Loop
		l = adopt(t, loop, uv.Host{Turn: func() bool {
			l.Deliver()
			return l.Detach() != nil
		}})
		adopted()
	}))
	assert.Equal(t, 0, <-host.Ended())
}

func TestAdoptedLoopIsSafeFromTheDefaultOfSIGPIPE(t *testing.T) {
	for range 2 { // each adoption looks
		restore := uvtest.SetPipe(uvtest.PipeDefault) // as a C program may when it has loaded Go code
		adoptOnce(t, func() {
			assert.Equal(t, uvtest.PipeOther, uvtest.Pipe())
			uvtest.RaiseOnThread(syscall.SIGPIPE) // or it ends the process
		})
		restore()
	}
}

func TestAdoptLeavesAHostsSIGPIPEAlone(t *testing.T) {
	for _, how := range []int{uvtest.PipeIgnored, uvtest.PipeHandled} {
		restore := uvtest.SetPipe(how)
		adoptOnce(t, func() { assert.Equal(t, how, uvtest.Pipe()) })
		restore()
	}
}
