// SPDX-License-Identifier: MIT

package io_test

import (
	"context"
	"testing"
	"unsafe"

	weftio "github.com/weft-go/weft/io"
	"github.com/weft-go/weft/promise"
	"github.com/weft-go/weft/uv/uvtest"
)

// turns has a task wait for b.N turns of its loop.
func turns(b *testing.B, ctx context.Context) error {
	b.ResetTimer()
	for range b.N {
		if err := promise.Pause(ctx).Wait(ctx); err != nil {
			return err
		}
	}
	b.StopTimer()
	return nil
}

func BenchmarkTurnOwned(b *testing.B) {
	if err := weftio.Run(context.Background(), func(ctx context.Context) error { return turns(b, ctx) }); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkTurnAdopted(b *testing.B) {
	var err error
	<-uvtest.StartHost(uvtest.Once(func(loop unsafe.Pointer) {
		var l *weftio.Loop
		if l, err = weftio.Adopt(loop); err != nil {
			return
		}
		promise.Go(l.Context(context.Background()), func(ctx context.Context) error { return turns(b, ctx) }).
			OnSettle(func(_ promise.Unit, e error) { err = e; _ = l.Detach(nil) })
	})).Ended()
	if err != nil {
		b.Fatal(err)
	}
}
