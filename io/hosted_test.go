// SPDX-License-Identifier: MIT

package io_test

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"unsafe"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/uv/uvtest"
	"github.com/weft-go/weft/wefttest"
)

// hosted says that the tests run on adopted loops: those of C threads, each with a uv_run of its own. ci/adopted does that. With
// WEFT_TEST_HOST=standin threads of ours stand in for these.
var hosted = os.Getenv("WEFT_TEST_HOST") != ""

// hostEnds has how each of these loops is ended.
var hostEnds sync.Map

func init() {
	if hosted {
		wefttest.SetHost(startOnHost)
	}
	if os.Getenv("WEFT_TEST_HOST") == "standin" {
		weftio.StandIn()
	}
}

// startOnHost starts a C host, whose loop is adopted and held.
func startOnHost(opts ...weftio.Option) (l *weftio.Loop, end func() error, err error) {
	adopted := make(chan error)
	host := uvtest.StartHost(uvtest.Once(func(loop unsafe.Pointer) {
		var err error
		if l, err = weftio.Adopt(loop, opts...); err == nil {
			l.Hold()
		}
		adopted <- err
	}))
	if err := <-adopted; err != nil {
		return nil, nil, err
	}
	end = sync.OnceValue(func() error {
		done := make(chan error, 1)
		if err := l.Detach(func(err error) { done <- err }); err != nil {
			return err
		}
		err := <-done
		if closed := <-host.Ended(); closed != 0 {
			err = errors.Join(err, fmt.Errorf("the host's uv_loop_close returns %d", closed))
		}
		return err
	})
	hostEnds.Store(l, end)
	return l, end, nil
}

// closeLoop closes a loop of wefttest.Start, or detaches it from its host.
func closeLoop(l *weftio.Loop) error {
	if end, ok := hostEnds.Load(l); ok {
		return end.(func() error)()
	}
	return l.Close()
}

// owned skips a test about what only owned loops do.
func owned(t *testing.T, why string) {
	t.Helper()
	if hosted {
		t.Skip("not on an adopted loop: " + why)
	}
}
